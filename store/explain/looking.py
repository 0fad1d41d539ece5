"""One account as expressions see it now, read once from the projection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from engine.calendars import Place, local_date
from engine.durations import Duration
from engine.expressions import evaluate
from engine.values import Condition
from engine.workspace import Workspace
from store.columns import BITS, column_name, extreme_column, extreme_name
from store.sight import Sight
from store.zones import zone_or


@dataclass(frozen=True, kw_only=True)
class ConditionRead:
    """A condition with what it found."""

    text: str
    holds: bool | None
    """None: unknown, because something it reads is."""
    values: Mapping[str, Any]


class Looking:
    """The environment of the Python back end; `engine.expressions.Env`."""

    def __init__(self, conn: sa.Connection, workspace: Workspace, account_id: int, now: datetime) -> None:
        self._conn = conn
        self._workspace = workspace
        self.account_id = account_id
        self.now = now
        row = conn.execute(_ROW, {"id": account_id}).mappings().one_or_none()
        self.swept = row is not None
        self._row: Mapping[str, Any] = dict(row) if row else {}

    def read(self, condition: Condition) -> ConditionRead:
        expression = condition.expression
        values = {name: self.field(name) for name in expression.reads}
        for extreme in expression.extremes:
            found = self.highest if extreme.way == "highest" else self.lowest
            values[extreme_name(extreme.way, extreme.field, extreme.window)] = found(extreme.field, extreme.window)
        answer: Any = evaluate(expression, self)
        return ConditionRead(text=condition.text, holds=answer, values=values)

    def bit(self, mask: str, place: int) -> bool:
        """One of the bits that a trigger keeps in the masks seen_0, tripped_0, holding_0, …"""
        return bool((self._row.get(f"{mask}_{place // BITS}") or 0) >> (place % BITS) & 1)

    @cached_property
    def place(self) -> Place:
        """Where the account's days begin, and which of them are worked."""
        return Sight(self._conn, self._workspace, self.now).place(self.field("account.zone"))

    # --- what expressions ask ---

    @property
    def today(self) -> date:
        return self.local_date(self.now)

    def local_date(self, at: datetime) -> date:
        return local_date(at, zone_or(self.field("account.zone"), self._workspace.zone))

    def field(self, name: str) -> Any:
        return self._row.get(column_name(name))

    def highest(self, name: str, window: Duration) -> float | None:
        return self._row.get(extreme_column("highest", name, window))

    def lowest(self, name: str, window: Duration) -> float | None:
        return self._row.get(extreme_column("lowest", name, window))

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002 - the protocol's name
        """Conditions of playbooks have no aggregates; those of metrics were worked out by the sweep."""
        return ()


_ROW = sa.text("select * from account_now where account_id = :id")
