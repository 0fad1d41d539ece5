"""What people do in a simulation when they are asked."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol


class People(Protocol):
    """What colleagues and customers do when asked; None where they do nothing."""

    def task(self, step: str, outcomes: Sequence[str]) -> tuple[timedelta, str] | None:
        """How long after the task was given it is completed, and its outcome."""
        ...

    def mail(self, step: str) -> tuple[str, Sequence[tuple[timedelta, str]]]:
        """The mail's outcome (`sent`, `skipped`, …), and events such as ("email.clicked") with their delays."""
        ...

    def survey(self, step: str) -> tuple[timedelta, int] | None:
        """How long after its mail a survey is answered, and the score."""
        ...

    def webhook(self, step: str) -> tuple[str, int | None]:
        """What becomes of a request (`delivered`, `refused`, `unknown`), and the status of its answer."""
        ...
