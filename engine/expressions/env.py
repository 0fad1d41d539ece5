"""What an expression sees of one account, and the form it takes in Python."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from engine.durations import Duration
from engine.expressions.tree import Aggregate

Value = None | bool | float | str | date | datetime


class Env(Protocol):
    """What an expression sees of one account at one instant."""

    @property
    def now(self) -> datetime:
        """Aware, in UTC."""
        ...

    @property
    def today(self) -> date:
        """In the account's zone."""
        ...

    def field(self, name: str) -> Any:
        """None is unknown; numbers as float, dates as date, instants as aware datetime."""
        ...

    def local_date(self, at: datetime) -> date:
        """The date of an instant in the account's zone."""
        ...

    def highest(self, name: str, window: Duration) -> float | None:
        """The highest value in force within (now - window, now]; the one in force at the window's start counts."""
        ...

    def lowest(self, name: str, window: Duration) -> float | None: ...

    def trend(self, name: str, window: Duration) -> float | None:
        """`trends.slope` of the values it took on within (now - window, now]."""
        ...

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        """Rows known and not dated ahead, oldest moment first: props and `start`, `end` of records, `at` of events."""
        ...

    def aggregate(self, node: Aggregate, work_out: "Evaluator") -> Any:
        """What an aggregate comes to; `work_out(self)` does it over `rows`, where nobody has done it before."""
        ...


Evaluator = Callable[[Env], Any]
