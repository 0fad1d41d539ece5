"""What a run and its acts see of the simulation around them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from engine.contacts import Contact
from engine.entry import Ruling
from engine.plan import Compiled
from engine.simulation.account import Account
from engine.simulation.happening import Happening
from engine.simulation.people import People
from engine.turns.runtime import Act, FactKind, Values


class ActingRun(Protocol):
    """What an act needs to know of the run it belongs to."""

    @property
    def number(self) -> int: ...

    @property
    def compiled(self) -> Compiled: ...

    @property
    def over(self) -> bool: ...

    def now(self) -> datetime: ...

    def tell(self, kind: FactKind, of: str, values: Values, at: datetime) -> None:
        """Put a fact into the run's outbox."""
        ...


class World(Protocol):
    """The account, the people, the agenda, and the mail stream."""

    @property
    def account(self) -> Account: ...

    @property
    def people(self) -> People: ...

    def at(self, instant: datetime, do: Callable[[datetime], object]) -> None:
        """Have something happen at an instant."""
        ...

    def record(self, happening: Happening) -> None: ...

    def read(self, fields: Sequence[str]) -> Values:
        """Values as runs read them."""
        ...

    def happened(self, event: str, now: datetime, props: Mapping[str, Any]) -> None:
        """An event of the account."""
        ...

    def stir(self) -> None:
        """Something changed that the sweep looks at: this instant is not over yet."""
        ...

    @property
    def drafted(self) -> dict[tuple[int, str], str]:
        """By run and step, the key of the contact for whom a reviewer was given a draft."""
        ...

    def post(self, run: ActingRun, act: Act, whom: Sequence[Contact]) -> None:
        """Give mails, or a request to nobody, to the stream, which settles them when all runs have had their turn."""
        ...

    def acts(self, run: ActingRun) -> bool:
        """Whether its playbook is neither paused nor off."""
        ...

    def recall(self, run: ActingRun, steps: Sequence[str]) -> None:
        """What these steps of a run have posted and has not left stays here."""
        ...

    def enroll(self, playbook: str, now: datetime) -> Ruling | None:
        """Bring a start by another playbook before the rules of entry; None for a playbook that is not simulated."""
        ...
