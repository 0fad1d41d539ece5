"""What is wrong with a workspace file, gathered while it is read."""

from collections.abc import Sequence

from engine.documents.document import Document
from engine.problems import Problem


class Findings:
    """The problems of one document so far."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def say(self, at: Sequence[str | int], code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(code=code, spot=self.document.spot(at), message=message, hint=hint))
