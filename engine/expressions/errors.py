"""What is wrong with an expression, by place in its own text; the document knows where that text stands in the file."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.documents.document import Document
from engine.problems import Problem, Spot


@dataclass(frozen=True, kw_only=True)
class ExpressionProblem:
    """One finding; `column` counts from 0 within the expression's text."""

    column: int
    length: int
    code: str
    message: str
    hint: str = ""


class ExpressionError(Exception):
    """An expression cannot be used; carries every problem found in it."""

    def __init__(self, problems: Sequence[ExpressionProblem]) -> None:
        super().__init__("; ".join(f"column {p.column + 1}: {p.message}" for p in problems))
        self.problems = tuple(problems)

    def in_document(self, document: Document, path: Sequence[str | int]) -> tuple[Problem, ...]:
        """The problems of the expression that is the text at `path`, each with its line and column in the file."""
        return tuple(self._problem(problem, document.within(path, problem.column)) for problem in self.problems)

    def at(self, spot: Spot) -> tuple[Problem, ...]:
        """The problems of an expression that the author did not write as one text, all at one place."""
        return tuple(self._problem(problem, spot) for problem in self.problems)

    @staticmethod
    def _problem(problem: ExpressionProblem, spot: Spot) -> Problem:
        return Problem(code=problem.code, spot=spot, message=problem.message, hint=problem.hint)
