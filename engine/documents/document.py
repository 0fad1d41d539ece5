"""Reads what a user wrote in YAML: plain values that know their place in the file, and typed models made of them."""

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.documents.model_faults import Fault, faults_of
from engine.documents.yaml_offsets import index_of
from engine.documents.yaml_tree import MAX_BYTES, Tree, build_tree, show_path
from engine.problems import DocumentError, Problem, Spot

M = TypeVar("M", bound=BaseModel)


class Beginning(bytes):
    """Of a file that is too large to be read whole; `size` are the bytes of all of it."""

    size: int


@dataclass(frozen=True, kw_only=True)
class Document:
    """One YAML file. Keys are text as written (`0: 10` has the key "0"); `on`, `yes`, `17:00` are text."""

    file: str
    data: Any
    text: str = field(repr=False)
    _tree: Tree = field(repr=False)

    @property
    def has_nothings(self) -> bool:
        """Whether a key somewhere has nothing behind it."""
        return self._tree.nothings

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
        before = self.text[mark.start : index_of(self.text, mark, offset)]
        breaks = before.count("\n")
        return Spot(
            file=self.file,
            line=mark.line + breaks + 1,
            column=len(before) - before.rfind("\n") if breaks else mark.column + len(before) + 1,
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
        problems = [_problem(fault, document, at) for fault in faults_of(error, model, data)]
    raise DocumentError(problems)


Spare = Callable[[tuple[str | int, ...]], tuple[tuple[str | int, ...], Any]]
"""For the path of a value that cannot be used: what to take out so that the rest can be read, and what to put there
instead; None for nothing."""


def read_leniently(model: type[M], document: Document, spare: Spare) -> tuple[M | None, Document, tuple[Problem, ...]]:
    """The model and every problem of shape, for whoever wants to tell what else is wrong.

    The model is that of the document as it seems to be meant: a misspelt key is read as the nearest one, any other that
    is unknown is left out, and so is what `spare` says; what must be there is stood in for. The document given back
    knows the places of what was renamed. None where the rest is no whole without what is wrong.
    """
    try:
        return model.model_validate(document.data), document, ()
    except ValidationError as error:
        faults = faults_of(error, model, document.data)
    problems = tuple(_problem(fault, document) for fault in faults)
    meant = _as_meant(document, [fault for fault in faults if fault.code == "PB101"])
    for fault in faults:
        # What is one of a list would be nothing any more without the key that tells what it is.
        of_a_list = len(fault.path) > 1 and isinstance(fault.path[-2], int) and spare(fault.path)[0] == fault.path
        if fault.code != "PB101" and not (of_a_list and _stand_in(meant.data, fault, spare)):
            _take_out(meant.data, *spare(fault.path))
    for _ in range(_MOST_TRIES):
        try:
            return model.model_validate(meant.data), meant, problems
        except ValidationError as error:
            left = faults_of(error, model, meant.data)
        if not all(_stand_in(meant.data, fault, spare) for fault in left):
            break
    return None, document, problems


_MOST_TRIES = 8
"""What stands in for a mapping lacks keys of its own, and each of those is told of when it is there."""
_STAND_INS = {
    "text": "1 day",
    "a number": 1,
    "a whole number": 1,
    "true or false": False,
    "a list": [],
    "a mapping": {},
}
"""By the kind that is expected; a text that is a duration, too."""


def _stand_in(data: Any, fault: Fault, spare: Spare) -> bool:
    """Put something there that can be read, so that the rest is looked at; False where nothing is to stand for it, or
    what it belongs to was taken out for another fault."""
    path = (*fault.path, fault.missing) if fault.missing else fault.path
    found = [copy.copy(_STAND_INS[kind]) for kind in fault.expected if kind in _STAND_INS]
    holder = _reached(data, path[:-1])
    if spare(path)[0] == () or not (fault.missing or found) or holder is None:
        return False
    # Of a key that is missing, the next look tells what is expected.
    holder[path[-1]] = None if fault.missing else found[0]
    return True


_MEANT = re.compile(r'did you mean "(.*)"\?')


def _as_meant(document: Document, unknown: Sequence[Fault]) -> Document:
    data, values = copy.deepcopy(document.data), dict(document._tree.values)  # noqa: SLF001 - of its own kind
    for fault in unknown:
        holder = data
        for part in fault.path[:-1]:
            holder = holder[part]
        value = holder.pop(fault.path[-1])
        meant = _MEANT.fullmatch(fault.hint)
        if meant and meant[1] not in holder:
            holder[meant[1]] = value
            path, deep = (*fault.path[:-1], meant[1]), len(fault.path)
            moved = {(*path, *at[deep:]): mark for at, mark in values.items() if at[:deep] == fault.path}
            values |= moved
    tree = replace(document._tree, values=values)  # noqa: SLF001 - of its own kind
    return replace(document, data=data, _tree=tree)


def _take_out(data: Any, path: Sequence[str | int], instead: Any) -> None:
    """Nothing is taken out of a list, whose other places would then be called otherwise."""
    holder = _reached(data, path[:-1])
    last: Any = path[-1] if path else None
    if isinstance(holder, dict) and instead is None:
        holder.pop(last, None)
    elif isinstance(holder, dict | list) and instead is not None:
        holder[last] = instead


def _reached(data: Any, path: Sequence[str | int]) -> Any:
    """What stands there; None where nothing does, as when it was taken out before."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _problem(fault: Fault, document: Document, at: Sequence[str | int] = ()) -> Problem:
    spot = document.spot((*at, *fault.path), key=fault.at_key)
    return Problem(code=fault.code, spot=spot, message=fault.message, hint=fault.hint)


def empty_keys(document: Document) -> Iterator[Problem]:
    """Every key with nothing behind it: left out it would say the same, so something was forgotten."""
    if not document.has_nothings:
        return
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document.data)]
    while waiting:
        path, value = waiting.pop()
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            at = (*path, key)
            if isinstance(below, dict | list):
                waiting.append((at, below))
            elif below is None and isinstance(value, dict):
                hint = "write what it is to be, or leave the key out"
                spot = document.spot(at, key=True)
                yield Problem(code="PB103", spot=spot, message=f'nothing stands behind "{key}"', hint=hint)


def _part(document: Document, at: Sequence[str | int]) -> Any:
    data = document.data
    for step in at:
        data = data[step]
    return data


def _decoded(text: str | bytes, file: str) -> str:
    if isinstance(text, Beginning):
        size = text.size
    else:
        size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _refused("PB004", Spot(file=file), f"the file has {size:,} bytes; the most is {MAX_BYTES:,}", _SMALLER)
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text.encode("utf-8").decode("utf-8")
    except UnicodeError as error:
        raise _refused("PB005", _spot_of(error, text, file), "the file is not UTF-8 text", "save it as UTF-8") from None
    return decoded.removeprefix("\ufeff")


_SMALLER = (
    "split it: cards and playbooks are files of their own, and one playbook starts another by `enroll`; "
    "data does not belong here, see `tenure import`"
)


def _spot_of(error: UnicodeError, text: str | bytes, file: str) -> Spot:
    start = getattr(error, "start", 0)
    before = text[:start] if isinstance(text, str) else text[:start].decode("utf-8", "replace")
    return Spot(file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


def _refused(code: str, spot: Spot, message: str, hint: str) -> DocumentError:
    return DocumentError([Problem(code=code, spot=spot, message=message, hint=hint)])
