"""Formats a workspace's YAML by editing its text: the order of known keys, the spacing of expressions, white space.

Comments stay with what they stand above or beside; Jinja and Markdown are never touched. An edit that would change what
the file means is not made: the values before and after are compared.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.authoring.schema import SCHEMAS, schema_of, values_of
from engine.documents.document import load_document, read_model
from engine.documents.wording import MEANING
from engine.documents.yaml_spans import Span, spans_of, texts_of
from engine.expressions.errors import ExpressionError
from engine.expressions.parser import parse
from engine.expressions.tokens import canonical
from engine.problems import DocumentError, Problem

Schema = Mapping[str, Any]
Edit = tuple[int, int, str]
_Meaning = tuple[Any, dict[tuple[str | int, ...], list[str]], list[str]]


def formatted(text: str | bytes, file: str, name: str) -> str:
    """The text as it should be written; `name` is one of SCHEMAS. Raises DocumentError for a file with problems."""
    document = load_document(text, file)
    read_model(SCHEMAS[name], document)
    source = re.sub(r"\r\n?", "\n", document.text)
    rules = _Rules(schema_of(name))
    whole = spans_of(source)
    if whole is None:
        return source
    problems = [
        problem for path, span, meaning in rules.texts(whole) for problem in _unreadable(span, meaning, document, path)
    ]
    if problems:
        raise DocumentError(problems)
    for step in (_spaced, _ordered, _trimmed):
        changed = step(source, rules)
        if changed != source and _means(changed, _meaning(source, rules), rules):
            source = changed
    return source


def _unreadable(span: Span, meaning: str, document: Any, path: tuple[str | int, ...]) -> Sequence[Problem]:
    if meaning not in _EXPRESSIONS or (path[:1] == ("metrics",) and span.value == "number"):
        return ()
    try:
        parse(str(span.value))
    except ExpressionError as error:
        return error.in_document(document, path)
    return ()


_EXPRESSIONS = ("condition", "expression")


# --- which keys come first, and what is an expression ---------------------------------------------------------------


class _Rules:
    """Walks a file along its schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def texts(self, whole: Span) -> Iterator[tuple[tuple[str | int, ...], Span, str]]:
        """Path, span and meaning of every text that has one."""
        for path, span, schema in self._walk(whole, self._schema, ()):
            if span.entries is None and span.items is None:
                meaning = next((found[MEANING] for found in self._choices(schema) if MEANING in found), None)
                if meaning is not None:
                    yield path, span, meaning

    def mappings(self, whole: Span) -> Iterator[tuple[Span, list[str]]]:
        """Every mapping whose keys have an order, with that order."""
        for _, span, schema in self._walk(whole, self._schema, ()):
            if span.entries is not None and (order := self._order(schema, span)):
                yield span, order

    def free(self, whole: Span) -> dict[tuple[str | int, ...], list[str]]:
        """The keys of every mapping that has no order, as they stand."""
        walked = self._walk(whole, self._schema, ())
        return {path: _keys(span) for path, span, schema in walked if not self._order(schema, span)}

    def _walk(
        self, span: Span, schema: Schema, path: tuple[str | int, ...]
    ) -> Iterator[tuple[tuple[str | int, ...], Span, Schema]]:
        yield path, span, schema
        for key, value in span.entries or ():
            below = self._below(schema, span, str(key.value))
            if below is not None:
                yield from self._walk(value, below, (*path, str(key.value)))
        for i, item in enumerate(span.items or ()):
            for found in self._choices(schema):
                if isinstance(found.get("items"), Mapping):
                    yield from self._walk(item, found["items"], (*path, i))
                    break

    def _below(self, schema: Schema, span: Span, key: str) -> Schema | None:
        for found in self._choices(schema, span):
            if key in found.get("properties", {}):
                return dict(found["properties"][key])
        for found in self._choices(schema, span):
            if (values := values_of(found)) is not None:
                return dict(values)
        return None

    def _order(self, schema: Schema, span: Span) -> list[str]:
        for found in self._choices(schema, span):
            if found.get("additionalProperties") is False and "properties" in found:
                kind = str(found.get(_KIND, ""))
                first = [key for key in ("id", kind) if key in found["properties"]]
                rest = [key for key in found["properties"] if key not in (*first, "on_error")]
                return [*first, *rest, "on_error"] if kind else list(found["properties"])
        return []

    def _choices(self, schema: Schema, span: Span | None = None) -> Iterator[Schema]:
        """What a schema may mean: behind references, of several forms, and of kinds the one whose key is there."""
        schema = self._resolved(schema)
        keys = {str(key.value) for key, _ in span.entries or ()} if span else set()
        for rule in schema.get("allOf", ()):
            kind = rule["if"].get("required", [""])[0]
            if kind in keys:
                yield {**self._resolved(rule["then"]), _KIND: kind}
                return
        yield schema
        for form in schema.get("anyOf", ()):
            yield from self._choices(form, span)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            at: Any = self._schema
            for part in schema["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            schema = at
        return schema


_KIND = "x-kind"


# --- the edits ------------------------------------------------------------------------------------------------------


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _spaced(text: str, rules: _Rules) -> str:
    """Expressions in their canonical spacing."""
    whole = spans_of(text)
    assert whole is not None
    edits = []
    for _, span, meaning in rules.texts(whole):
        written = text[span.start : span.end]
        if meaning in _EXPRESSIONS and "\n" not in written and (new := _quoted(span, written)) is not None:
            edits.append((span.start, span.end, new))
    for span in _in_braces(whole):
        if "\n" not in text[span.start : span.end]:
            inside = text[span.start + 1 : span.end - 1]
            edits += [
                (span.start + 1, span.end - len(inside.lstrip()) - 1, " "),
                (_inner_end(span, inside), span.end - 1, " "),
            ]
    return _edited(text, edits)


def _in_braces(span: Span) -> Iterator[Span]:
    """Every mapping that is written as { } and has something in it."""
    if span.flow and span.entries:
        yield span
    for below in (*(value for _, value in span.entries or ()), *(span.items or ())):
        yield from _in_braces(below)


def _inner_end(span: Span, inside: str) -> int:
    return span.start + 1 + len(inside.rstrip())


def _quoted(span: Span, written: str) -> str | None:
    """The expression in its spacing and its own quotes; None where it is left alone."""
    value = normal(str(span.value))
    match span.style:
        case "":
            return value
        case "'":
            return "'" + value.replace("'", "''") + "'"
        case '"' if "\\" not in written:
            return f'"{value}"'
    return None


def normal(expression: str) -> str:
    """An expression in canonical spacing; as it is where it cannot be read."""
    try:
        return canonical(parse(expression)[1])
    except ExpressionError:
        return expression


def _ordered(text: str, rules: _Rules) -> str:
    """Known keys in their order, one mapping after the other, since every move shifts what comes behind it."""
    meant: _Meaning | None = None
    for _ in range(_MOST_MOVES):
        whole = spans_of(text)
        assert whole is not None
        moves = ((span, [key for key in order if key in _keys(span)]) for span, order in rules.mappings(whole))
        out_of_order = ((span, order) for span, order in moves if order != _keys(span) and len(order) > 1)
        changed = next((new for span, order in out_of_order if (new := _moved(text, span, order)) != text), None)
        if changed is None:
            return text
        meant = meant or _meaning(text, rules)  # which no move has changed
        if not _means(changed, meant, rules):
            return text
        text = changed
    return text


_MOST_MOVES = 2_000


def _keys(span: Span) -> list[str]:
    return [str(key.value) for key, _ in span.entries or ()]


def _moved(text: str, span: Span, order: Sequence[str]) -> str:
    return _moved_in_line(text, span, order) if span.flow else _moved_lines(text, span, order)


def _moved_in_line(text: str, span: Span, order: Sequence[str]) -> str:
    """`{ b: 1, a: 2 }`; one that goes over several lines, or has a key without a value, is left alone."""
    entries = span.entries or []
    if "\n" in text[span.start : span.end] or any(value.end <= key.end for key, value in entries):
        return text
    slots = [(key.start, value.end) for key, value in entries]
    written = {str(key.value): text[key.start : value.end] for key, value in entries}
    return _edited(text, [(start, end, written[key]) for (start, end), key in zip(slots, order, strict=True)])


def _moved_lines(text: str, span: Span, order: Sequence[str]) -> str:
    """Each entry moves with its lines and the comments above it; what stands above the first stays where it is."""
    lines = text.split("\n")
    starts = _line_starts(lines)
    entries = span.entries or []
    places = [_line_of(starts, key.start) for key, _ in entries]
    column = entries[0][0].start - starts[places[0]]
    lead = lines[places[0]][:column]
    if len(set(places)) < len(places) or lead.strip(" -") or any("+" in _header(text, one) for one in texts_of(span)):
        return text
    ends = [_with_comments(lines, _line_of(starts, _last(text, key, value)), column) for key, value in entries]
    blocks: dict[str, list[str]] = {}
    for i, (key, _) in enumerate(entries):
        first = places[i] if i == 0 else ends[i - 1] + 1
        block = lines[first : ends[i] + 1]
        at = places[i] - first
        block[at] = " " * column + block[at][column:]
        blocks[str(key.value)] = block
    leading = blocks[order[0]]
    at = next(i for i, line in enumerate(leading) if not _is_aside(line))
    leading[at] = lead + leading[at][column:]
    dash = len(lead) - len(lead.lstrip())
    blocks[order[0]] = [
        " " * dash + line.strip() if _is_aside(line) and line else line for line in leading[:at]
    ] + leading[at:]
    moved = [line for key in order for line in blocks[key]]
    return "\n".join([*lines[: places[0]], *moved, *lines[ends[-1] + 1 :]])


def _with_comments(lines: Sequence[str], end: int, column: int) -> int:
    """The last line of an entry, with the comments below it that stand further in than its key."""
    following = end
    while following + 1 < len(lines) and _is_aside(lines[following + 1]):
        following += 1
        line = lines[following]
        if line.strip() and len(line) - len(line.lstrip()) > column:
            end = following
    return end


def _is_aside(line: str) -> bool:
    """A blank line or a comment."""
    return not line.strip() or line.lstrip().startswith("#")


def _header(text: str, span: Span) -> str:
    """The line that opens a block text: with a + the blank lines behind it are part of it."""
    return text[span.start : text.find("\n", span.start)] if span.style in ("|", ">") else ""


def _last(text: str, key: Span, value: Span) -> int:
    """The last character of an entry; a block text's end lies behind its line break."""
    end = max(value.end, key.end)
    while end > key.end and text[end - 1] in " \n":
        end -= 1
    return max(end - 1, key.start)


def _line_starts(lines: Sequence[str]) -> list[int]:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return starts


def _line_of(starts: Sequence[int], index: int) -> int:
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if starts[middle] <= index else (low, middle)
    return low


def _trimmed(text: str, _rules: _Rules) -> str:
    """No blanks at ends of lines, no two blank lines in a row, one line break at the end; texts stay as they are."""
    whole = spans_of(text)
    assert whole is not None
    lines = text.split("\n")
    starts = _line_starts(lines)
    kept: list[str] = []
    within = {
        number
        for span in texts_of(whole)
        if span.style
        for number in range(_line_of(starts, span.start), _line_of(starts, max(span.end - 1, span.start)) + 1)
        if span.style in ("|", ">") or starts[number] + len(lines[number]) < span.end
    }
    for number, line in enumerate(lines):
        trimmed = line if number in within else line.rstrip(" \t")
        if trimmed or number in within or (kept and kept[-1]):
            kept.append(trimmed)
    return "\n".join(kept).rstrip("\n") + "\n" if not within or max(within) < len(lines) - 1 else "\n".join(kept)


# --- the proof ------------------------------------------------------------------------------------------------------


def _means(text: str, meant: _Meaning, rules: _Rules) -> bool:
    """The same values, expressions compared without their spacing, and the same comments."""
    try:
        return _meaning(text, rules) == meant
    except DocumentError:
        return False


def _meaning(text: str, rules: _Rules) -> _Meaning:
    """The values, the order of keys wherever it is the author's, and the comments."""
    whole = spans_of(text)
    assert whole is not None
    data = load_document(text, "").data
    for path, span, meaning in rules.texts(whole):
        if meaning in _EXPRESSIONS:
            holder = data
            for part in path[:-1]:
                holder = holder[part]
            holder[path[-1]] = normal(str(span.value))
    return data, rules.free(whole), _comments(text, whole)


def _comments(text: str, whole: Span) -> list[str]:
    """Every comment, sorted: moved is not lost."""
    inside = bytearray(len(text))
    for span in texts_of(whole):
        inside[span.start : span.end] = b"\x01" * (span.end - span.start)
    return sorted(match[1].rstrip() for match in _COMMENT.finditer(text) if not inside[match.start(1)])


_COMMENT = re.compile(r"(?:^|(?<=[ \t]))(#[^\n]*)", re.MULTILINE)
