"""A place in a playbook's document, and what is wrong there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from engine.documents.document import Document
from engine.problems import Problem, did_you_mean


class Place:
    """Goes down a document and collects the problems on the way, each with its spot."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._path: tuple[str | int, ...] = ()

    def problem(
        self, code: str, message: str, *at: str | int, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> None:
        spot = self._document.spot((*self._path, *at))
        self.problems.append(Problem(code=code, spot=spot, message=message, hint=hint, severity=severity))

    def unknown(self, what: str, word: str, known: Sequence[str], *at: str | int, code: str = "PB323") -> None:
        hint = did_you_mean(word, known) or f"there is no {what} yet"
        self.problem(code, f'there is no {what} "{word}"', *at, hint=hint)

    @contextmanager
    def _below(self, *at: str | int) -> Iterator[None]:
        """Work further down the document for the length of a `with`."""
        before, self._path = self._path, (*self._path, *at)
        yield
        self._path = before
