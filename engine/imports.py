"""Turns the rows of a source's files into facts, each with the instant it became known; reads no file itself.

A row is learned on its own date: an account at its signup, a record's start when it started and its end when it ended.
Nothing about an account is learned before the account. Which account a row belongs to is identity, not knowledge.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from engine.calendars import local_midnight
from engine.catalogue import Catalogue
from engine.catalogue import Field as CatalogueField
from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact, RecordFact
from engine.problems import Problem, Spot
from engine.workspace import Cell, Import, OneOf, Rule, Workspace


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file as rows: its column names, and per row the line it starts on and its cells."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Known:
    """A fact, when it became known (None: with the import itself), and the row it comes from."""

    fact: IncomingFact
    known_at: datetime | None
    by: str
    """The import's name."""
    line: int


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Everything the files say."""

    facts: tuple[Known, ...]
    rows: Mapping[str, int]
    """Rows by import, broken and repeated ones included."""
    repeats: Mapping[str, int]
    """Rows by import that say an id of the same file again, with the same content or another."""
    problems: tuple[Problem, ...]


def read_table(text: str, file: str) -> Table:
    """The rows of a CSV text; rows that have more or fewer cells than columns are problems and left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    problems: list[Problem] = []
    columns: tuple[str, ...] | None = None
    line = 1
    try:
        for cells in reader:
            if columns is None:
                columns = tuple(cell.strip() for cell in cells)
            elif len(cells) == len(columns):
                rows.append((line, tuple(cells)))
            elif cells:
                what = f"this row has {len(cells)} cells and the file {len(columns)} columns"
                problems.append(_problem("PB521", file, line, "", what, hint="is a comma not quoted?"))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(
            _problem("PB521", file, line, "", f"the file is not CSV from here on: {error}", hint="check the quotes")
        )
    return Table(file=file, columns=columns or (), rows=tuple(rows), problems=tuple(problems))


def read_facts(workspace: Workspace, tables: Mapping[str, Table], zones: Mapping[str, str] | None = None) -> Reading:
    """The facts in the tables (by import's name), in the order in which the workspace lists the imports.

    `zones`: time zones of accounts known already, by key; otherwise the account's row or the workspace tells.
    """
    reader = _Reader(workspace, tables, dict(zones or {}))
    imports = [one for one in workspace.imports if one.name in tables]
    # Accounts first: their rows say the zone and the signup that the other rows depend on.
    for one in sorted(imports, key=lambda one: one.makes != "account"):
        reader.read(one)
    return Reading(
        facts=tuple(reader.facts),
        rows={one.name: len(tables[one.name].rows) for one in imports},
        repeats=reader.repeats,
        problems=tuple(reader.problems),
    )


class _BadCellError(Exception):
    def __init__(self, column: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.column, self.message, self.hint = column, message, hint


@dataclass(frozen=True)
class _Row:
    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str | None:
        return self.cells[column].strip() or None

    def needed(self, column: str) -> str:
        text = self.text(column)
        if text is None:
            raise _BadCellError(column, "this is empty, and the row cannot do without it")
        return text


@dataclass
class _Reader:
    workspace: Workspace
    tables: Mapping[str, Table]
    zones: dict[str, str]
    facts: list[Known] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)
    signups: dict[str, datetime] = field(default_factory=dict)
    links: dict[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.catalogue: Catalogue = self.workspace.catalogue()
        self.makers: Mapping[str, Callable[[Import, _Row], Iterator[tuple[IncomingFact, datetime | None]]]] = {
            "account": self._account,
            "contact": self._contact,
            "record": self._record,
            "event": self._event,
            "metrics": self._metrics,
        }

    def read(self, one: Import) -> None:
        table = self.tables[one.name]
        self.problems += table.problems
        absent = [column for column in _columns(one) if column not in table.columns]
        if absent or (one.account and not self._can_follow(one.account)):
            for column in absent:
                hint = f"it has {', '.join(table.columns)}"
                self.problems.append(_problem("PB520", table.file, 1, column, "the file has no such column", hint=hint))
            return
        seen: dict[str, _Row] = {}
        for line, cells in table.rows:
            row = _Row(line, dict(zip(table.columns, cells, strict=True)))
            if one.id is not None and one.makes != "metrics" and self._is_repeat(one, row, seen, table.file):
                continue
            try:
                self.facts += [
                    Known(fact=fact, known_at=known_at, by=one.name, line=line)
                    for fact, known_at in self.makers[one.makes](one, row)
                ]
            except _BadCellError as bad:
                self.problems.append(_problem("PB521", table.file, line, bad.column, bad.message, hint=bad.hint))
            except ValidationError as error:
                for fault in error.errors():
                    where = ".".join(map(str, fault["loc"][1:] or fault["loc"]))
                    message = fault["msg"].removeprefix("Value error, ")
                    self.problems.append(_problem("PB521", table.file, line, where, message, hint=""))

    def _is_repeat(self, one: Import, row: _Row, seen: dict[str, _Row], file: str) -> bool:
        key = row.text(one.id or "")
        first = seen.setdefault(key, row) if key is not None else row
        if first is row:
            return False
        self.repeats[one.name] = self.repeats.get(one.name, 0) + 1
        same = "the same content" if first.cells == row.cells else "other content"
        message = f'"{key}" is the id of line {first.line} as well, with {same}; line {first.line} counts'
        hint = "" if first.cells == row.cells else "give each row its own id"
        self.problems.append(_problem("PB522", file, row.line, one.id or "", message, hint=hint, severity="warning"))
        return True

    def _account(self, one: Import, row: _Row) -> Iterator[tuple[IncomingFact, datetime | None]]:
        key = row.needed(one.id or "")
        fields = self._values(one.fields, self.catalogue.fields, row, self.workspace.zone, keep_empty=True)
        zone = fields.get("account.zone")
        if isinstance(zone, str):
            self.zones[key] = zone
        at = self._instant(one.at, row, self._zone(key))
        if at is not None:
            self.signups[key] = at
        made = self.workspace.generate
        name = str(fields.get("account.name") or key)
        fields |= {
            name_: make(rule, key, name, salt=name_) for name_, rule in made.fields.items() if name_ not in fields
        }
        yield AccountFact(key=key, fields=fields, at=at), at
        for role, contact in made.contacts.items():
            full = make(contact.name, key, name, salt=role)
            yield (
                ContactFact(
                    account=key,
                    key=f"{key}/{role}",
                    name=full,
                    first_name=full.partition(" ")[0],
                    email=None if contact.email is None else make(contact.email, key, name, salt=role),
                    roles=contact.roles,
                    at=at,
                ),
                at,
            )

    def _contact(self, one: Import, row: _Row) -> Iterator[tuple[IncomingFact, datetime | None]]:
        account = self._owner(one, row)
        at = self._instant(one.at, row, self._zone(account))
        told: dict[str, Any] = {name: row.text(column) for name, column in one.fields.items()}
        roles = tuple(part.strip() for part in (told.pop("roles", None) or "").split(";") if part.strip())
        name = told.pop("name", None) or row.needed(one.id or "")
        fact = ContactFact(account=account, key=row.needed(one.id or ""), name=name, roles=roles, at=at, **told)
        yield fact, self._known(account, at)

    def _record(self, one: Import, row: _Row) -> Iterator[tuple[IncomingFact, datetime | None]]:
        account = self._owner(one, row)
        zone = self._zone(account)
        key = row.needed(one.id or "")
        starts_at = self._instant(one.at, row, zone, needed=True)
        ends_at = self._instant(one.ends, row, zone)
        assert starts_at is not None
        if ends_at is not None and ends_at < starts_at:
            raise _BadCellError(one.ends or "", "this ends before it starts")
        kinds = self.catalogue.records[one.of].props
        props = self._values(one.fields, kinds, row, zone)
        at_end = self._values(one.at_end, kinds, row, zone) if ends_at is not None else {}
        told: dict[str, Any] = {"record": one.of, "key": key, "account": account, "starts_at": starts_at}
        if ends_at is None or ends_at > starts_at:
            yield RecordFact(**told, props=props, at=starts_at), self._known(account, starts_at)
        if ends_at is not None:
            yield RecordFact(**told, ends_at=ends_at, props=props | at_end, at=ends_at), self._known(account, ends_at)

    def _event(self, one: Import, row: _Row) -> Iterator[tuple[IncomingFact, datetime | None]]:
        account = self._owner(one, row)
        zone = self._zone(account)
        at = self._instant(one.at, row, zone, needed=True)
        assert at is not None
        props = self._values(one.fields, self.catalogue.events[one.of].props, row, zone)
        key = None if one.id is None else row.needed(one.id)
        yield EventFact(type=one.of, key=key, account=account, at=at, props=props), self._known(account, at)

    def _metrics(self, one: Import, row: _Row) -> Iterator[tuple[IncomingFact, datetime | None]]:
        account = self._owner(one, row)
        at = self._instant(one.at, row, self._zone(account))
        for name, column in one.fields.items():
            value = _number(row.text(column), column)
            yield MetricFact(account=account, metric=name, value=value, at=at), self._known(account, at)

    def _owner(self, one: Import, row: _Row) -> str:
        cell = one.account
        assert cell is not None
        if cell.via is None:
            return row.needed(cell.column)
        link = row.needed(cell.key or "")
        owner = self._links(cell).get(link)
        if not owner:
            file = self.tables[cell.via].file
            raise _BadCellError(cell.key or "", f'"{link}" leads to no row of {file}', "is that file complete?")
        return owner

    def _links(self, cell: Cell) -> Mapping[str, str]:
        place = (cell.via or "", cell.key or "", cell.column)
        if place not in self.links:
            table, target = self.tables[place[0]], next(one for one in self.workspace.imports if one.name == place[0])
            key, value = table.columns.index(target.id or ""), table.columns.index(cell.column)
            found: dict[str, str] = {}
            for _, cells in table.rows:
                found.setdefault(cells[key].strip(), cells[value].strip())
            self.links[place] = found
        return self.links[place]

    def _can_follow(self, cell: Cell) -> bool:
        if cell.via is None:
            return True
        target = next(one for one in self.workspace.imports if one.name == cell.via)
        table = self.tables.get(cell.via)
        if table is not None and {target.id, cell.column} <= set(table.columns):
            return True
        what = f"without {target.id} and {cell.column} of this file, other rows cannot find their account"
        self.problems.append(_problem("PB520", target.file, 1, "", what, hint="import the files together"))
        return False

    def _zone(self, account: str) -> str:
        return self.zones.get(account, self.workspace.zone)

    def _known(self, account: str, at: datetime | None) -> datetime | None:
        signup = self.signups.get(account)
        return at if signup is None else signup if at is None else max(at, signup)

    def _instant(self, column: str | None, row: _Row, zone: str, *, needed: bool = False) -> datetime | None:
        if column is None:
            return None
        text = row.needed(column) if needed else row.text(column)
        return None if text is None else _moment(text, column, zone)

    def _values(
        self,
        columns: Mapping[str, str],
        fields: Mapping[str, CatalogueField] | None,
        row: _Row,
        zone: str,
        *,
        keep_empty: bool = False,
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, column in columns.items():
            value = _value(row.text(column), column, fields[name] if fields is not None else _ANY_TEXT, zone)
            if value is not None or keep_empty:
                values[name] = value
        return values


def make(rule: Rule, key: str, name: str, *, salt: str) -> str:
    """A made-up value for an account: the same one every time, whatever else is imported."""
    if isinstance(rule, OneOf):
        digest = hashlib.sha256(f"{salt}\x1f{key}".encode()).digest()
        return rule.one_of[int.from_bytes(digest[:8]) % len(rule.one_of)]
    return rule.replace("{key}", _fit_for_an_address(key)).replace("{name}", name)


_ANY_TEXT = CatalogueField(name="", type="text")
_YES, _NO = ("true", "yes", "y", "1", "t"), ("false", "no", "n", "0", "f")


def _value(text: str | None, column: str, what: CatalogueField, zone: str) -> Any:
    if text is None:
        return None
    match what.type:
        case "number":
            return _number(text, column)
        case "bool":
            if text.lower() in _YES or text.lower() in _NO:
                return text.lower() in _YES
            raise _BadCellError(column, f'"{text}" is neither yes nor no', "write TRUE or FALSE")
        case "choice":
            if what.options and text not in what.options:
                raise _BadCellError(column, f'"{text}" is not one of its words', ", ".join(what.options))
            return text
        case "date":
            return _moment(text, column, zone).astimezone(ZoneInfo(zone)).date().isoformat()
        case "instant":
            return _moment(text, column, zone).isoformat()
        case "tags":
            return sorted({part.strip() for part in text.split(";") if part.strip()})
        case "text":
            return text


def _number(text: str | None, column: str) -> float | None:
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text, re.ASCII) or abs(float(text)) > 1e100:
        raise _BadCellError(column, f'"{text}" is not a number', "write 1234.5, without separators or units")
    return float(text)


def _moment(text: str, column: str, zone: str) -> datetime:
    """A date is its midnight in the zone, and a time without one is told in it."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            moment = local_midnight(day, zone) if 1900 <= day.year <= 2200 else None
        else:
            told = datetime.fromisoformat(text)
            told = told if told.tzinfo is not None else told.replace(tzinfo=ZoneInfo(zone))
            moment = told.astimezone(UTC) if 1900 <= told.year <= 2200 else None
    except ValueError:
        raise _BadCellError(column, f'"{text}" is not a date', "write 2024-05-31 or 2024-05-31T08:00:00Z") from None
    if moment is None:
        raise _BadCellError(column, f'"{text}" lies outside of 1900 to 2200', "leave it empty where there is no date")
    return moment


def _columns(one: Import) -> Iterable[str]:
    account = () if one.account is None else (one.account.key if one.account.via else one.account.column,)
    named = (one.id, one.at, one.ends, *account, *one.fields.values(), *one.at_end.values())
    return dict.fromkeys(column for column in named if column is not None)


def _fit_for_an_address(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") or "account"


def _problem(
    code: str, file: str, line: int, column: str, message: str, *, hint: str, severity: Any = "error"
) -> Problem:
    return Problem(
        code=code, spot=Spot(file=file, line=line, path=column), message=message, hint=hint, severity=severity
    )
