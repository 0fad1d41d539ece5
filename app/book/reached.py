"""How far somebody has read what gets its instant after its number: mails are sent, crossings started, runs ended later
than others that were written after them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True)
class Reached:
    """All until an instant, and of that instant, at which more may happen still, those with these numbers."""

    at: datetime
    numbers: frozenset[int] = frozenset()

    def through(self, read: Iterable[tuple[int, datetime]]) -> Self:
        """Further by what was read since: numbers with their instants."""
        read = list(read)
        at = max((at for _, at in read), default=self.at)
        numbers = frozenset(number for number, of in read if of == at)
        return type(self)(at, numbers | self.numbers if at == self.at else numbers)

    def asked(self) -> dict[str, Any]:
        """For statements that leave out what was read: `at >= %(at)s and id <> all(cast(%(numbers)s as bigint[]))`."""
        return {"at": self.at, "numbers": list(self.numbers)}
