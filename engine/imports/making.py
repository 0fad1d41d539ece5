"""Makes facts of one row: which cells are its key, its times, its values, and when all that became known."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat, tee
from typing import Any

from engine.catalogue import Field
from engine.facts import MAX_PROPS, AccountFact, ContactFact, EventFact, EventLine, IncomingFact, RecordFact, ValueLine
from engine.imports.cells import BadCell, key_of, moment_of, number_of, text_of, value_of
from engine.imports.columns import NotPlain, keys_of, numbers_of, objects_of, words_of
from engine.workspace import Cell, Import, OneOf, Rule, Workspace

Made = Iterator[tuple[IncomingFact, datetime | None]]
_MOMENTS = 100_000
"""Dates that are remembered, as files say the same ones again and again."""


@dataclass(slots=True)  # frozen would be slower to make, and there are millions
class Row:
    """A row by its columns' names."""

    line: int
    cells: Sequence[Any]
    places: Mapping[str, int]
    typed: bool

    def cell(self, column: str) -> Any:
        return self.cells[self.places[column]]

    def text(self, column: str) -> str | None:
        return text_of(self.cell(column), column)

    def key(self, column: str) -> str:
        return key_of(self.cell(column), column)

    def shown(self) -> Mapping[str, Any]:
        return {column: self.cells[place] for column, place in self.places.items()}


class Maker:
    """What it remembers of accounts (zone and signup) holds for the rows that come later."""

    def __init__(self, workspace: Workspace, zones: dict[str, str], owner: Callable[[Cell, Row], str]) -> None:
        self._workspace, self._zones, self._owner = workspace, zones, owner
        self._catalogue = workspace.catalogue()
        self._signups: dict[str, datetime | None] = {}
        """The first date that an account's rows tell it by; none where one of them has no date."""
        self._moments: dict[tuple[Any, str], datetime] = {}
        self._makers: Mapping[str, Callable[[Import, Row], Made]] = {
            "account": self._account,
            "contact": self._contact,
            "record": self._record,
            "event": self._event,
        }

    def facts(self, one: Import, row: Row) -> list[tuple[IncomingFact, datetime | None]]:
        """All or nothing: BadCell or pydantic's ValidationError for a row that cannot be used."""
        return list(self._makers[one.makes](one, row))

    def values_of(self, one: Import, places: Mapping[str, int], *, typed: bool) -> Callable[[Row], list[ValueLine]]:
        """The same for rows of metrics, which come in great numbers: what no row changes is looked up once."""
        fields = [(f"metric.{name}", places[column], column) for name, column in one.fields.items()]

        def values(row: Row) -> list[ValueLine]:
            account = self._owner_of(one, row)
            at = self._instant(one.at, row, self._zone(account))
            known_at = self._known(account, at)
            made = []
            for field, place, column in fields:
                number = number_of(row.cells[place], column, typed=typed)
                made.append(ValueLine(account, field, None if number is None else repr(number), at, known_at))
            return made

        return values

    def plain_values_of(
        self, one: Import, places: Mapping[str, int], *, typed: bool
    ) -> Callable[[Sequence[Sequence[Any]]], list[ValueLine]]:
        """The same for many rows at once, by their cells; NotPlain unless every one of them is as rows mostly are."""
        fields = [(f"metric.{name}", places[column]) for name, column in one.fields.items()]

        def values(rows: Sequence[Sequence[Any]]) -> list[ValueLine]:
            columns = list(zip(*rows, strict=True))
            accounts = _accounts(one, columns, places)
            ats = self._instants(one, columns, places, accounts)
            known = ats if not self._signups else map(self._known, accounts, ats)
            made = [
                zip(accounts, repeat(field), numbers_of(columns[place], typed=typed), ats, known_ats, strict=False)
                for (field, place), known_ats in zip(fields, tee(known, len(fields)), strict=True)
            ]
            in_turn = made[0] if len(made) == 1 else chain.from_iterable(zip(*made, strict=True))
            return list(map(ValueLine._make, in_turn))

        return values

    def plain_events_of(
        self, one: Import, places: Mapping[str, int], *, typed: bool
    ) -> Callable[[Sequence[Sequence[Any]]], list[EventLine]]:
        """The same for rows of events that have keys."""
        kinds = self._catalogue.events[one.of].props

        def events(rows: Sequence[Sequence[Any]]) -> list[EventLine]:
            if one.id is None or (kinds is None and one.fields) or len(one.fields) > MAX_PROPS:
                raise NotPlain
            columns = list(zip(*rows, strict=True))
            accounts = _accounts(one, columns, places)
            keys = keys_of(columns[places[one.id]])
            ats = self._instants(one, columns, places, accounts)
            if None in ats:
                raise NotPlain
            told = [
                self._plain_prop((kinds or {})[name], column, columns[places[column]], typed=typed)
                for name, column in one.fields.items()
            ]
            props = objects_of(list(one.fields), told, len(rows))
            known = map(self._known, accounts, ats) if self._signups else ats
            return list(map(EventLine._make, zip(accounts, repeat(one.of), keys, ats, props, known, strict=False)))

        return events

    def _plain_prop(self, what: Field, column: str, cells: Sequence[Any], *, typed: bool) -> Sequence[str | None]:
        if what.type == "number":
            return numbers_of(cells, typed=typed)
        if what.type not in ("text", "choice"):
            raise NotPlain
        return words_of(cells, lambda cell: value_of(cell, column, what, self._workspace.zone, typed=typed))

    def _instants(
        self, one: Import, columns: Sequence[Sequence[Any]], places: Mapping[str, int], accounts: Sequence[str]
    ) -> Sequence[datetime | None]:
        if one.at is None:
            return [None] * len(accounts)
        cells = columns[places[one.at]]
        zones = map(self._zone, accounts) if self._zones else repeat(self._workspace.zone)
        told = list(zip(cells, zones, strict=False))
        try:
            moments = {pair: self._instant_of(pair[0], one.at, pair[1]) for pair in dict.fromkeys(told)}
        except (BadCell, TypeError) as error:
            raise NotPlain from error
        return [moments[pair] for pair in told]

    def _account(self, one: Import, row: Row) -> Made:
        key = row.key(one.id or "")
        fields = self._values(one.fields, self._catalogue.fields, row, self._workspace.zone, keep_empty=True)
        zone = fields.get("account.zone")
        if isinstance(zone, str):
            self._zones[key] = zone
        at = self._instant(one.at, row, self._zone(key))
        told_before = key in self._signups
        self._note_signup(key, at)
        if told_before:
            yield AccountFact(key=key, fields=fields, at=at), at
            return
        made = self._workspace.generate
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

    def _note_signup(self, key: str, at: datetime | None) -> None:
        known = self._signups.get(key, at)
        self._signups[key] = None if at is None or known is None else min(at, known)

    def _contact(self, one: Import, row: Row) -> Made:
        account = self._owner_of(one, row)
        at = self._instant(one.at, row, self._zone(account))
        told: dict[str, Any] = {name: row.text(column) for name, column in one.fields.items()}
        roles = tuple(part.strip() for part in (told.pop("roles", None) or "").split(";") if part.strip())
        key = row.key(one.id or "")
        name = told.pop("name", None) or key
        fact = ContactFact(account=account, key=key, name=name, roles=roles, at=at, **told)
        yield fact, self._known(account, at)

    def _record(self, one: Import, row: Row) -> Made:
        account = self._owner_of(one, row)
        zone = self._zone(account)
        key = row.key(one.id or "")
        starts_at = self._needed_instant(one.at, row, zone)
        ends_at = self._instant(one.ends, row, zone)
        if ends_at is not None and ends_at < starts_at:
            raise BadCell(one.ends or "", "this ends before it starts")
        kinds = self._catalogue.records[one.of].props
        props = self._values(one.fields, kinds, row, zone)
        at_end = self._values(one.at_end, kinds, row, zone) if ends_at is not None else {}
        told: dict[str, Any] = {"record": one.of, "key": key, "account": account, "starts_at": starts_at}
        if ends_at is None or ends_at > starts_at:
            yield RecordFact(**told, props=props, at=starts_at), self._known(account, starts_at)
        if ends_at is not None:
            yield RecordFact(**told, ends_at=ends_at, props=props | at_end, at=ends_at), self._known(account, ends_at)

    def _event(self, one: Import, row: Row) -> Made:
        account = self._owner_of(one, row)
        zone = self._zone(account)
        at = self._needed_instant(one.at, row, zone)
        props = self._values(one.fields, self._catalogue.events[one.of].props, row, zone)
        key = None if one.id is None else row.key(one.id)
        yield EventFact(type=one.of, key=key, account=account, at=at, props=props), self._known(account, at)

    def _owner_of(self, one: Import, row: Row) -> str:
        assert one.account is not None
        return self._owner(one.account, row)

    def _zone(self, account: str) -> str:
        return self._zones.get(account, self._workspace.zone)

    def _known(self, account: str, at: datetime | None) -> datetime | None:
        signup = self._signups.get(account)
        return at if signup is None else signup if at is None else max(at, signup)

    def _needed_instant(self, column: str | None, row: Row, zone: str) -> datetime:
        instant = self._instant(column, row, zone)
        if instant is None:
            raise BadCell(column or "", "this is empty, and the row cannot do without it")
        return instant

    def _instant(self, column: str | None, row: Row, zone: str) -> datetime | None:
        return None if column is None else self._instant_of(row.cell(column), column, zone)

    def _instant_of(self, cell: Any, column: str, zone: str) -> datetime | None:
        told = (cell, zone)
        known = self._moments.get(told) if isinstance(cell, str) else None
        if known is not None:
            return known
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        moment = moment_of(cell, column, zone)
        if isinstance(cell, str) and len(self._moments) < _MOMENTS:
            self._moments[told] = moment
        return moment

    def _values(
        self,
        columns: Mapping[str, str],
        fields: Mapping[str, Field] | None,
        row: Row,
        zone: str,
        *,
        keep_empty: bool = False,
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, column in columns.items():
            cell = row.cell(column)
            if fields is None and isinstance(cell, bool | int | float):
                value: Any = cell if isinstance(cell, bool) else number_of(cell, column, typed=True)
            else:
                value = value_of(cell, column, _ANY_TEXT if fields is None else fields[name], zone, typed=row.typed)
            if value is not None or keep_empty:
                values[name] = value
        return values


def _accounts(one: Import, columns: Sequence[Sequence[Any]], places: Mapping[str, int]) -> Sequence[str]:
    if one.account is None or one.account.via is not None:
        raise NotPlain
    return keys_of(columns[places[one.account.column]])


_ANY_TEXT = Field(name="", type="text")


def make(rule: Rule, key: str, name: str, *, salt: str) -> str:
    """A made-up value for an account: the same one every time, whatever else is imported."""
    if isinstance(rule, OneOf):
        digest = hashlib.sha256(f"{salt}\x1f{key}".encode()).digest()
        return rule.one_of[int.from_bytes(digest[:8]) % len(rule.one_of)]
    return rule.replace("{key}", _fit_for_an_address(key)).replace("{name}", name)


def _fit_for_an_address(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") or "account"
