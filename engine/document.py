"""Reads what a user wrote in YAML: plain values that know their place in the file, and typed models made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.model_faults import faults_of
from engine.problems import DocumentError, Problem, Spot
from engine.yaml_offsets import index_of
from engine.yaml_tree import MAX_BYTES, Tree, build_tree, show_path

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Document:
    """One YAML file. Keys are text as written (`0: 10` has the key "0"); `on`, `yes`, `17:00` are text."""

    file: str
    data: Any
    text: str = field(repr=False)
    _tree: Tree = field(repr=False)

    def spot(self, path: Sequence[str | int], *, key: bool = False) -> Spot:
        """Where the value at `path` stands, or its key; the nearest parent where the path does not exist."""
        whole = tuple(path)
        marks = self._tree.keys if key else self._tree.values
        for length in range(len(whole), -1, -1):
            near = whole[:length]
            mark = (marks if length == len(whole) else self._tree.values).get(near)
            if mark is not None:
                return Spot(file=self.file, line=mark.line + 1, column=mark.column + 1, path=show_path(whole))
        return Spot(file=self.file, path=show_path(whole))

    def within(self, path: Sequence[str | int], offset: int) -> Spot:
        """Where character `offset` (from 0) of the text at `path` stands: exact on one line, else as near as can be."""
        mark = self._tree.values.get(tuple(path))
        if mark is None:
            return self.spot(path)
        before = self.text[: index_of(self.text, mark, offset)]
        return Spot(
            file=self.file,
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
            path=show_path(tuple(path)),
        )


def load_document(text: str | bytes, file: str) -> Document:
    """Read one YAML document; raises DocumentError with every problem found, and nothing else."""
    content = _decoded(text, file)
    tree = build_tree(content, file)
    if tree.problems:
        raise DocumentError(tree.problems)
    return Document(file=file, data=tree.data, text=content, _tree=tree)


def read_model(model: type[M], document: Document, at: Sequence[str | int] = ()) -> M:
    """The part of a document at `at` as a typed model; raises DocumentError with all problems, each at its place.

    A validator may raise ValueError("what is wrong"), or PydanticCustomError("PB5xx", "what is wrong", {"hint": "…"}).
    """
    data = _part(document, at)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [
            Problem(
                code=fault.code,
                spot=document.spot((*at, *fault.path), key=fault.at_key),
                message=fault.message,
                hint=fault.hint,
            )
            for fault in faults_of(error, model, data)
        ]
    raise DocumentError(problems)


def _part(document: Document, at: Sequence[str | int]) -> Any:
    data = document.data
    for step in at:
        data = data[step]
    return data


def _decoded(text: str | bytes, file: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _refused("PB004", Spot(file=file), f"the file has {size:,} bytes; the most is {MAX_BYTES:,}", "split it")
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text.encode("utf-8").decode("utf-8")
    except UnicodeError as error:
        raise _refused("PB005", _spot_of(error, text, file), "the file is not UTF-8 text", "save it as UTF-8") from None
    return decoded.removeprefix("\ufeff")


def _spot_of(error: UnicodeError, text: str | bytes, file: str) -> Spot:
    start = getattr(error, "start", 0)
    before = text[:start] if isinstance(text, str) else text[:start].decode("utf-8", "replace")
    return Spot(file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


def _refused(code: str, spot: Spot, message: str, hint: str) -> DocumentError:
    return DocumentError([Problem(code=code, spot=spot, message=message, hint=hint)])
