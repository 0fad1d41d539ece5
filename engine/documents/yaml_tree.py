"""Builds plain values with their places from YAML events, by the YAML 1.2 core rules; knows not what a file means.

PyYAML's own builder is not used: it turns `on` into True, `17:00` into 1020, lets duplicate keys pass, and dies on deep
nesting. Its event stream has none of these faults.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from engine.problems import Problem, Spot

MAX_BYTES = 256_000
MAX_DEPTH = 32
MAX_NODES = 20_000

Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """Where a value starts and ends (as indices into the text; line and column from 0) and how it is written."""

    start: int
    line: int
    column: int
    end: int
    style: str = ""
    """'' plain, ' or \" quoted, | or > block; also '' for mappings and lists."""


@dataclass(slots=True)
class Tree:
    """What the builder found: the values, and the place of every value and key by path."""

    data: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    nothings: bool = False
    """Whether a key has nothing behind it."""
    problems: list[Problem] = field(default_factory=list)


def build_tree(text: str, file: str) -> Tree:
    """Read one document. Faults of structure are collected; at a fault of syntax or a limit the reading stops."""
    builder = _Builder(text, file)
    try:
        builder.read(yaml.CSafeLoader(text))
    except _StoppedError:
        pass
    except yaml.MarkedYAMLError as error:
        builder.syntax_fault(error)
    except yaml.reader.ReaderError as error:
        builder.character_fault(error)
    return builder.tree


def show_path(path: Path) -> str:
    """`steps[2].then[0]`"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


class _StoppedError(Exception):
    """Reading on would be dangerous or would only repeat the fault."""


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled."""

    path: Path
    into: Any
    keyed: bool
    """A mapping, and not a list."""
    flow: bool
    key: str | None = None


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.tree = Tree()
        self._open: list[_Open] = []
        self._top: _Open | None = None
        """The last of them; asked for with every value."""
        self._nodes = 0
        self._documents = 0

    def read(self, loader: Any) -> None:
        while (event := loader.get_event()) is not None:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                if event.anchor or event.tag:
                    self._refuse_decoration(event)
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if event.anchor or event.tag:
                    self._refuse_decoration(event)
                self._collection(event, keyed=kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._open.pop()
                self._top = self._open[-1] if self._open else None
            elif kind is yaml.AliasEvent:
                self._fault("PB003", event, f"the alias *{event.anchor} is not used here", "write the value out")
                raise _StoppedError
            elif kind is yaml.DocumentStartEvent:
                self._document(event)

    # --- events -----------------------------------------------------------------------------------------------------

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fault("PB006", event, "a second document starts here", "keep one document per file; remove the ---")
            raise _StoppedError

    def _collection(self, event: Any, *, keyed: bool) -> None:
        top = self._top
        if top is not None and top.keyed and top.key is None:
            self._key_is_no_word(event)
        if event.flow_style and self.text.startswith("{{", event.start_mark.index):
            self._cut(event, "a text that starts with {{ is a mapping to YAML")
            raise _StoppedError
        into: Any = {} if keyed else []
        path = self._place(event, into, "")
        self._top = _Open(path, into, keyed, bool(event.flow_style))
        self._open.append(self._top)
        if len(self._open) > MAX_DEPTH:
            self._fault("PB004", event, f"the file is nested deeper than {MAX_DEPTH} levels", "make it flatter")
            raise _StoppedError

    def _scalar(self, event: Any) -> None:
        top = self._top
        if top is not None and top.keyed:
            if top.key is None:
                self._key(event, top)
                return
            if top.flow and self._has_no_colon(top, event):
                self._cut(event, f'the key "{top.key}" has no value; inside {{ }} YAML cuts a text at every comma')
        style = event.style or ""
        self._place(event, event.value if style else self._plain_value(event), style)

    def _key(self, event: Any, top: _Open) -> None:
        path = (*top.path, event.value)
        if event.value == "<<" and not event.style:
            self._fault("PB003", event, "merge keys (<<) are not used here", "write the keys out")
        elif event.value in top.into:
            first = self.tree.keys[path].line + 1
            self._fault("PB002", event, f'the key "{event.value}" appears twice', f"it is also on line {first}")
        else:
            self.tree.keys[path] = _mark(event, event.style or "")
        top.key = event.value
        self._count(event)

    # --- placing ----------------------------------------------------------------------------------------------------

    def _place(self, event: Any, value: Any, style: str) -> Path:
        self._count(event)
        top = self._top
        path: Path
        if top is None:
            self.tree.data, path = value, ()
        elif top.keyed:
            assert top.key is not None
            path = (*top.path, top.key)
            top.into.setdefault(top.key, value)
            top.key = None
            if value is None:
                self.tree.nothings = True
        else:
            path = (*top.path, len(top.into))
            top.into.append(value)
        self.tree.values.setdefault(path, _mark(event, style))
        return path

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fault("PB004", event, f"the file has more than {MAX_NODES:,} values", "split it")
            raise _StoppedError

    def _plain_value(self, event: Any) -> Any:
        try:
            return plain_scalar(event.value)
        except ValueError:
            self._fault(
                "PB009", event, f'"{event.value[:40]}" is not a number that can be used', "quote it if it is text"
            )
            return None

    # --- faults -----------------------------------------------------------------------------------------------------

    def _fault(self, code: str, event: Any, message: str, hint: str) -> None:
        mark = event.start_mark
        path = show_path(self._open[-1].path) if self._open else ""
        spot = Spot(file=self.file, line=mark.line + 1, column=mark.column + 1, path=path)
        self.tree.problems.append(Problem(code=code, spot=spot, message=message, hint=hint))

    def _refuse_decoration(self, event: Any) -> None:
        if event.anchor:
            self._fault(
                "PB003", event, f"the anchor &{event.anchor} is not used here", "write the value out where needed"
            )
        if event.tag:
            self._fault("PB003", event, f"the tag {event.tag} is not used here", "quote the value if ! belongs to it")

    def _key_is_no_word(self, event: Any) -> None:
        if self.text.startswith("{", event.start_mark.index) and self.text[event.start_mark.index - 1] == "{":
            self._cut(event, "a text that starts with {{ is a mapping to YAML")
        else:
            self._fault("PB007", event, "a key must be a word, not a mapping or a list", "quote the text if it is one")
        raise _StoppedError

    def _has_no_colon(self, top: _Open, event: Any) -> bool:
        if event.value or event.style:
            return False
        key = self.tree.keys.get((*top.path, top.key or ""))
        return key is not None and ":" not in self.text[key.end : event.start_mark.index + 1]

    def _cut(self, event: Any, message: str) -> None:
        self._fault("PB008", event, message, self._quoted_form(event.start_mark.line))

    def syntax_fault(self, error: yaml.MarkedYAMLError) -> None:
        ends_too_soon = "end of stream" in (error.problem or "")
        mark = (error.context_mark if ends_too_soon else None) or error.problem_mark or error.context_mark
        if mark is None:
            return
        spot = Spot(file=self.file, line=mark.line + 1, column=mark.column + 1)
        code, message, hint = "PB001", f"YAML cannot be read here: {error.problem}", "check indentation and quotes"
        if "mapping values are not allowed" in (error.problem or ""):
            code, message, hint = "PB008", 'a text with ": " in it must be quoted', self._quoted_form(mark.line)
        elif "expected ',' or" in (error.problem or ""):
            code, message = "PB008", "inside { } and [ ] YAML cuts a text at , [ ] { and }"
            hint = "quote the text, or write it on lines of its own without { }"
        elif self.text[mark.index : mark.index + 1] == "\t":
            message, hint = "a tab cannot indent", "use spaces"
        self.tree.problems.append(Problem(code=code, spot=spot, message=message, hint=hint))

    def character_fault(self, error: yaml.reader.ReaderError) -> None:
        before = self.text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        message = f"the character U+{_code_point(error.character):04X} cannot be in a text file"
        spot = Spot(file=self.file, line=line, column=column)
        self.tree.problems.append(Problem(code="PB005", spot=spot, message=message, hint="remove it"))

    def _quoted_form(self, line: int) -> str:
        """The line as it should be, where it is a simple `key: text`."""
        match = _KEY_AND_TEXT.fullmatch(self.text.splitlines()[line]) if line < len(self.text.splitlines()) else None
        if match is None:
            return "put the whole text in single quotes"
        quoted = match["text"].strip().replace("'", "''")
        return f"write {match['key']}: '{quoted}'"


_KEY_AND_TEXT = re.compile(r"[ -]*(?P<key>[\w.-]+):\s+(?P<text>[^'\"{\[].*|\{\{.*)")


def _mark(event: Any, style: str) -> Mark:
    start = event.start_mark
    return Mark(start.index, start.line, start.column, event.end_mark.index, style)


def _code_point(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


# --- YAML 1.2 core scalars ------------------------------------------------------------------------------------------

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_BEGINS_NUMBER = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def plain_scalar(text: str) -> Any:
    """The value of an unquoted word: `on`, `yes` and `17:00` are text. Raises ValueError for numbers beyond use."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGINS_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        if len(text) > 20:
            raise ValueError(text)
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if abs(number) == float("inf"):
            raise ValueError(text)
        return number
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(text)
    return text
