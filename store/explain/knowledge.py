"""What was known of an account at an instant, put together from facts alone: nothing learned later or dated ahead."""

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from engine.catalogue import Type
from engine.contacts import Contact
from engine.mail.addresses import address_key
from engine.simulation import Account
from engine.workspace import Workspace
from store.consent import consents
from store.erased import is_kept
from store.postgres.statements import Statement
from store.schema import account, contact, value_history


def account_as_known(conn: sa.Connection, workspace: Workspace, account_id: int, at: datetime) -> Account:
    """The account as it stood at `at`: told values, records, events, past values, and the scores on record."""
    key = conn.execute(sa.select(account.c.key).where(account.c.id == account_id)).scalar_one()
    contacts = _contacts(conn, account_id)
    found = Account(workspace, contacts, key)
    found.consents = dict(consents(conn, [address_key(one.email) for one in contacts if one.email], at))
    types = {name: field.type for name, field in workspace.catalogue().fields.items()}
    for field, value, told_at in _told(conn, account_id, at):
        found.learn({field: _typed(value, types.get(field))}, told_at)
    _history(conn, found, account_id, at)
    for row in conn.execute(_RECORDS, {"account": account_id, "at": at}):
        props = workspace.records.get(row.kind, {})
        typed = {name: _typed(value, props[name].type if name in props else None) for name, value in row.props.items()}
        found.recorded(row.kind, typed, row.starts_at, row.ends_at)
    for row in conn.execute(_EVENTS, {"account": account_id, "at": at}):
        found.happened(row.type, row.at, row.props, row.learned_at)
    for card, value in _scores(conn, account_id, at).items():
        found.learn({f"{card}.score": value})
    found.look(at)
    return found


def told_at(conn: sa.Connection, account_id: int, at: datetime) -> dict[str, tuple[datetime, datetime]]:
    """By told field: when its value was true, and when it was learned, as of `at`."""
    return {row.field: (row.at, row.learned_at) for row in _TOLD.read(conn, {"account": account_id, "at": at})}


def _contacts(conn: sa.Connection, account_id: int) -> list[Contact]:
    """Those of today: what they were before is not kept."""
    rows = conn.execute(sa.select(contact).where(contact.c.account_id == account_id, is_kept(contact)))
    return [
        Contact(
            key=row.key,
            name=row.name,
            first_name=row.first_name,
            email=row.email,
            roles=tuple(row.roles),
            zone=row.zone,
            locale=row.locale,
            do_not_contact=row.do_not_contact,
        )
        for row in rows
    ]


def _told(conn: sa.Connection, account_id: int, at: datetime) -> list[tuple[str, Any, datetime]]:
    return [(row.field, row.value, row.at) for row in _TOLD.read(conn, {"account": account_id, "at": at})]


def _history(conn: sa.Connection, found: Account, account_id: int, at: datetime) -> None:
    of = value_history.c
    rows = conn.execute(
        sa.select(of.field, of.at, of.value).where(of.account_id == account_id, of.at <= at).order_by(of.at, of.id)
    )
    for row in rows:
        found.had(row.field, row.at, row.value)


def _scores(conn: sa.Connection, account_id: int, at: datetime) -> dict[str, float | None]:
    return {row.card: row.value for row in conn.execute(_SCORES, {"account": account_id, "at": at})}


def _typed(value: Any, type_: Type | None) -> Any:
    match type_, value:
        case "date", str():
            return date.fromisoformat(value)
        case "instant", str():
            return datetime.fromisoformat(value).astimezone(UTC)
        case "number", int() | float():
            return float(value)
    return value


_TOLD = Statement("""
    select distinct on (field) field, value, at, learned_at from account_value
    where account_id = %(account)s and at <= %(at)s and learned_at <= %(at)s
    order by field, at desc, id desc
""")

_SCORES = sa.text("""
    select distinct on (card) card, value from score
    where account_id = :account and at <= :at
    order by card, at desc, id desc
""")

_RECORDS = sa.text("""
    select kind, props, starts_at, ends_at from record
    where account_id = :account and learned_at <= :at and starts_at <= :at
        and (superseded_at is null or superseded_at > :at)
    order by starts_at, id
""")

_EVENTS = sa.text("""
    select type, at, props, learned_at from event
    where account_id = :account and learned_at <= :at and at <= :at
    order by at, id
""")
