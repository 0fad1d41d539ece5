"""What is wrong in a document a user wrote: where, what, and what to do, with a stable code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place in a file; line and column start at 1, `path` is the address inside the document (`steps[2].then[0]`)."""

    file: str
    line: int = 1
    column: int = 1
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One finding of `tenure check`; `code` is stable and has a page, `hint` says what to do."""

    code: str
    spot: Spot
    message: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.spot.file}:{self.spot.line}:{self.spot.column}"
        path = f"{self.spot.path}: " if self.spot.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {self.code} {path}{self.message}{hint}"


class DocumentError(Exception):
    """A document cannot be used; carries every problem found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'did you mean "logins_30d"?' or, with nothing near, the known words; empty when there are none."""
    choices = sorted(set(known))
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    if not choices:
        return ""
    shown = ", ".join(choices[:12])
    return f"known: {shown}" + (", …" if len(choices) > 12 else "")
