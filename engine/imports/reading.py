"""Reads tables by the workspace's imports, block by block: facts, values, and the rows that cannot be used."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice, repeat
from typing import Any

from pydantic import ValidationError

from engine.facts import EventLine, IncomingFact, ValueLine
from engine.imports.cells import BadCell, text_of
from engine.imports.columns import NotPlain
from engine.imports.making import Maker, Row
from engine.imports.tables import Table, bad_row
from engine.problems import Problem
from engine.workspace import Cell, Import, Workspace

BLOCK = 50_000
"""Rows that are made facts of before the next are looked at."""
_AT_ONCE = 1_000
"""Rows whose columns are looked at as a whole; an odd cell among them costs the others little."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A fact, when it became known (None: with the import itself), and the line it comes from."""

    fact: IncomingFact
    known_at: datetime | None
    line: int


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A row that cannot be used: its line and cells, and the first thing that is wrong with it."""

    problem: Problem
    row: Mapping[str, Any]
    typed: bool = False


@dataclass(kw_only=True)
class Block:
    """Some rows of one import: what they say, and what is wrong with them."""

    by: Import
    file: str
    rows: int = 0
    facts: list[Known] = field(default_factory=list)
    values: list[ValueLine] = field(default_factory=list)
    """Metrics, which come in great numbers."""
    events: list[EventLine] = field(default_factory=list)
    """So do events; those whose rows are plain."""
    lines: list[int] = field(default_factory=list)
    """Where the values, or the events, come from: an import makes the ones or the others."""
    rejected: list[Rejected] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Of the file, and warnings."""
    repeats: int = 0
    """Rows that say an id of the same file again, with the same content or another."""

    @property
    def told(self) -> Sequence[ValueLine | EventLine]:
        """The values or the events, each of the line in `lines`."""
        return self.values or self.events


class Reader:
    """`tables` by import's name; `zones`: time zones of accounts known already, by key."""

    def __init__(
        self,
        workspace: Workspace,
        tables: Mapping[str, Table],
        zones: Mapping[str, str] | None = None,
        imports: Iterable[Import] | None = None,
    ) -> None:
        """`imports`: those to read by; all of the workspace's by default."""
        self._tables = tables
        self._imports = {one.name: one for one in (workspace.imports if imports is None else imports)}
        self._maker = Maker(workspace, dict(zones or {}), self._owner)
        self._links: dict[tuple[str, str, str], Mapping[str, str]] = {}

    def blocks(self, size: int = BLOCK) -> Iterator[Block]:
        """Accounts first: their rows say the zone and the signup that the other rows depend on."""
        imports = [one for one in self._imports.values() if one.name in self._tables]
        for one in sorted(imports, key=lambda one: one.makes != "account"):
            yield from self._read(one, size)

    def _read(self, one: Import, size: int) -> Iterator[Block]:
        table = self._tables[one.name]
        block = Block(by=one, file=table.file)
        block.problems += self._absent(one, table)
        if block.problems:
            block.problems += [row for row in table.rows if isinstance(row, Problem)]
            yield block
            return
        places = {column: place for place, column in enumerate(table.columns)}
        first_lines = _FirstLines(one)
        values = self._maker.values_of(one, places, typed=table.typed) if one.makes == "metrics" else None
        plain = self._plain(one, places, first_lines, typed=table.typed)
        rows = iter(table.rows)
        while some := list(islice(rows, min(_AT_ONCE, size - block.rows))):
            block.rows += len(some)
            if plain is None or not _took_plain(block, some, plain):
                for row in some:
                    if isinstance(row, Problem):
                        block.rejected.append(Rejected(problem=row, row={}))
                    else:
                        self._make(block, Row(row[0], row[1], places, table.typed), first_lines, values)
            if block.rows == size:
                yield block
                block = Block(by=one, file=table.file)
        yield block

    def _plain(
        self, one: Import, places: Mapping[str, int], first_lines: "_FirstLines", *, typed: bool
    ) -> "_TakePlain | None":
        if one.makes == "metrics":
            values_of = self._maker.plain_values_of(one, places, typed=typed)

            def take_values(block: Block, lines: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
                made = values_of(rows)
                block.values += made
                block.lines += chain.from_iterable(map(repeat, lines, repeat(len(made) // len(lines))))

            return take_values
        if one.makes == "event":
            events_of = self._maker.plain_events_of(one, places, typed=typed)

            def take_events(block: Block, lines: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
                made = events_of(rows)
                first_lines.note([event.key for event in made], lines, rows)
                block.events += made
                block.lines += lines

            return take_events
        return None

    def _make(
        self,
        block: Block,
        row: Row,
        first_lines: "_FirstLines",
        values: Callable[[Row], list[ValueLine]] | None,
    ) -> None:
        try:
            if values is not None:
                made_values = values(row)
                block.values += made_values
                block.lines += [row.line] * len(made_values)
            elif (warning := first_lines.repeated(row, block.file)) is not None:
                block.problems.append(warning)
                block.repeats += 1
            else:
                made = self._maker.facts(block.by, row)
                block.facts += [Known(fact=fact, known_at=known_at, line=row.line) for fact, known_at in made]
        except BadCell as bad:
            problem = bad_row("PB521", block.file, row.line, bad.column, bad.message, hint=bad.hint)
            block.rejected.append(Rejected(problem=problem, row=row.shown(), typed=row.typed))
        except ValidationError as error:
            for fault in error.errors():
                where = ".".join(map(str, fault["loc"][1:] or fault["loc"]))
                problem = bad_row("PB521", block.file, row.line, where, fault["msg"].removeprefix("Value error, "))
                block.rejected.append(Rejected(problem=problem, row=row.shown(), typed=row.typed))

    def _absent(self, one: Import, table: Table) -> list[Problem]:
        missing = [column for column in _own_columns(one) if column not in table.columns]
        if missing and (problem := _no_header(table)) is not None:
            return [problem]
        hint = f"it has {', '.join(table.columns)}"
        problems = [
            bad_row("PB520", table.file, 1, column, "the file has no such column", hint=hint) for column in missing
        ] + [
            bad_row("PB520", table.file, 1, column, "two columns have this name", hint="which one counts? rename one")
            for column in _own_columns(one)
            if table.columns.count(column) > 1
        ]
        if not problems and one.account is not None and one.account.via is not None:
            problems = self._cannot_follow(one.account, one.account.via)
        return problems

    def _cannot_follow(self, cell: Cell, via: str) -> list[Problem]:
        target = self._imports.get(via)
        if target is None:
            what = f"other rows find their account through {via}, which is not read here"
            return [bad_row("PB520", via, 1, "", what, hint="import the files together")]
        table = self._tables.get(via)
        if table is not None and {target.id, cell.column} <= set(table.columns):
            return []
        what = f"without {target.id} and {cell.column} of this file, other rows cannot find their account"
        return [bad_row("PB520", target.file, 1, "", what, hint="import the files together")]

    def _owner(self, cell: Cell, row: Row) -> str:
        """The account that a row belongs to."""
        if cell.via is None:
            return row.key(cell.column)
        link = row.key(cell.key or "")
        owner = self._followed(cell, cell.via).get(link)
        if not owner:
            file = self._tables[cell.via].file
            raise BadCell(cell.key or "", f'"{link}" leads to no row of {file}', "is that file complete?")
        return owner

    def _followed(self, cell: Cell, via: str) -> Mapping[str, str]:
        place = (via, cell.key or "", cell.column)
        if place not in self._links:
            table = self._tables[via]
            key, value = table.columns.index(self._imports[via].id or ""), table.columns.index(cell.column)
            found: dict[str, str] = {}
            for row in table.rows:
                if not isinstance(row, Problem):
                    link, owner = text_of(row[1][key], cell.column), text_of(row[1][value], cell.column)
                    found.setdefault(link or "", owner or "")
            self._links[place] = found
        return self._links[place]


def _no_header(table: Table) -> Problem | None:
    """What is wrong with the first line as a whole, where no column of it can be meant."""
    if not table.columns:
        return bad_row("PB520", table.file, 1, "", "the file is empty", hint="its first line names the columns")
    if len(table.columns) == 1 and (found := next((mark for mark in _OTHER_MARKS if mark in table.columns[0]), None)):
        what = f"its columns are kept apart by {_OTHER_MARKS[found]}"
        return bad_row("PB520", table.file, 1, "", what, hint="CSV has commas here: export it anew")
    return None


_OTHER_MARKS: Mapping[str, str] = {";": "semicolons", "\t": "tabs", "|": "bars"}


_TakePlain = Callable[[Block, Sequence[int], Sequence[Sequence[Any]]], None]
"""Takes lines with their cells into a block, all at once; NotPlain if that cannot be, and then nothing is done."""


def _took_plain(block: Block, rows: Sequence[tuple[int, Sequence[Any]] | Problem], take: _TakePlain) -> bool:
    if Problem in set(map(type, rows)):
        return False
    lines, cells = zip(*rows, strict=True)
    try:
        take(block, lines, cells)
    except NotPlain:
        return False
    return True


class _FirstLines:
    """Remembers where in a file each id was first said; of accounts and contacts, with which date.

    These may change in the course of time, and a file may tell it; a record has its own dates, and an event is over.
    """

    def __init__(self, one: Import) -> None:
        self._column = one.id
        self._at = one.at if one.makes in ("account", "contact") else None
        self._lines: dict[str, tuple[int, bytes]] = {}

    def repeated(self, row: Row, file: str) -> Problem | None:
        """A warning, when an earlier row has the same id."""
        key = None if self._column is None else row.text(self._column)
        if key is None:
            return None
        mine = row.line, _content(row.cells)
        told = key if self._at is None else f"{key}\0{row.text(self._at)}"
        line, content = self._lines.setdefault(told, mine)
        if line == row.line:
            return None
        same = content == mine[1]
        content_is = "the same content" if same else "other content"
        message = f'"{key}" is the id of line {line} as well, with {content_is}; line {line} counts'
        hint = "" if same else "give each row its own id"
        return bad_row("PB522", file, row.line, self._column or "", message, hint=hint, severity="warning")

    def note(self, keys: Sequence[str], lines: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
        """Many ids at once; NotPlain if one of them was said before."""
        if len(set(keys)) < len(keys) or not self._lines.keys().isdisjoint(keys):
            raise NotPlain
        self._lines.update(zip(keys, zip(lines, map(_content, rows), strict=True), strict=True))


def _content(cells: Sequence[Any]) -> bytes:
    return hashlib.blake2b(repr(cells).encode(), digest_size=16).digest()


def wanted_columns(workspace: Workspace, one: Import) -> tuple[str, ...]:
    """The columns of a file that this import reads, or through which others find their account."""
    followed = [
        cell.column for other in workspace.imports if (cell := other.account) is not None and cell.via == one.name
    ]
    return tuple(dict.fromkeys((*_own_columns(one), *followed)))


def _own_columns(one: Import) -> Iterable[str]:
    account = () if one.account is None else (one.account.key if one.account.via else one.account.column,)
    named = (one.id, one.at, one.ends, *account, *one.fields.values(), *one.at_end.values())
    return dict.fromkeys(column for column in named if column is not None)
