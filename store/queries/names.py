"""What people call things: account names, playbook titles, the workspace; usable before anything was deployed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from store.postgres.statements import Given, kept
from store.present import present
from store.schema import account_value, person, playbook_version
from store.schema.base import TEXT


@dataclass(frozen=True, kw_only=True)
class Person:
    key: str
    name: str
    role: str


def people(conn: sa.Connection) -> tuple[Person, ...]:
    """The colleagues, by name."""
    rows = conn.execute(sa.select(person.c.key, person.c.name, person.c.role).order_by(person.c.name, person.c.key))
    return tuple(Person(key=row.key, name=row.name, role=row.role) for row in rows)


def people_named(conn: sa.Connection, keys: Sequence[str]) -> Mapping[str, str]:
    """Names by key, of those that the book knows."""
    if not keys:
        return {}
    return {row.key: row.name for row in kept(("people named",), _named).read(conn, {"keys": list(keys)})}


def _named() -> sa.Select[Any]:
    return sa.select(person.c.key, person.c.name).where(person.c.key == sa.any_(Given("keys", ARRAY(TEXT))))


def workspace_name_and_zone(conn: sa.Connection) -> tuple[str, str]:
    """What the pages say and in which zone they show times; plain words before the first deploy."""
    workspace = present(conn).workspace
    return (workspace.name, workspace.zone) if workspace else ("Tenure", "UTC")


def account_name(account_id: sa.ColumnElement[int]) -> sa.ColumnElement[str | None]:
    """The latest name a source gave. Read from the facts: account_now has no such column before the first deploy."""
    text = account_value.c.value.op("#>>", return_type=sa.Text())(sa.literal_column("'{}'"))
    return (
        sa.select(text)
        .where(account_value.c.account_id == account_id, account_value.c.field == "account.name")
        .order_by(account_value.c.at.desc(), account_value.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def person_name(key: sa.ColumnElement[str | None]) -> sa.ColumnElement[str | None]:
    return sa.select(person.c.name).where(person.c.key == key).scalar_subquery()


def playbook_title(playbook: sa.ColumnElement[str], version: sa.ColumnElement[int]) -> sa.ColumnElement[str | None]:
    pv = playbook_version.c
    return sa.select(pv.title).where(pv.playbook == playbook, pv.version == version).scalar_subquery()
