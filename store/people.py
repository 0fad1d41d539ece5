"""Who is meant by a role, and what texts may say of an account: names are read here, at the last moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from engine.workspace import Workspace
from store.assigning import person_of
from store.schema import account, contact, person
from store.schema.base import ID
from store.statements import Given, Row, kept

ANY = "any"
"""The end of a fallback chain: whoever is there."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A person at the customer's."""

    id: int
    name: str
    first_name: str
    email: str | None
    roles: tuple[str, ...]
    locale: str | None = None


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """A person of ours."""

    key: str
    name: str
    email: str | None


def recipients(
    conn: sa.Connection, account_id: int, role: str, mode: Literal["first", "exact", "all"], workspace: Workspace
) -> list[Contact]:
    """Whom a role means: one contact along the role's fallback chain, of that role alone, or all who have it."""
    contacts = contacts_of(conn, account_id)
    if mode == "all":
        return [one for one in contacts if role in one.roles]
    chain = workspace.roles.contacts.get(role, (role,)) if mode == "first" else (role,)
    for wanted in chain:
        fitting = [one for one in contacts if wanted == ANY or wanted in one.roles]
        if fitting:
            return fitting[:1]
    return []


def contacts_of(conn: sa.Connection, account_id: int) -> list[Contact]:
    """All contacts of an account, in a stable order."""
    return [_contact(row) for row in kept(("contacts of",), _contacts_of).read(conn, {"account": account_id})]


def _contacts_of() -> sa.Select[Any]:
    return sa.select(contact).where(contact.c.account_id == Given("account", ID)).order_by(contact.c.key)


def contact_of(conn: sa.Connection, contact_id: int) -> Contact:
    """One contact by its row."""
    return _contact(conn.execute(sa.select(contact).where(contact.c.id == contact_id)).one())


def colleague(conn: sa.Connection, key: str) -> Colleague | None:
    """A colleague by key."""
    row = conn.execute(sa.select(person.c.name, person.c.email).where(person.c.key == key)).one_or_none()
    return None if row is None else Colleague(key=key, name=row.name, email=row.email)


def text_values(
    conn: sa.Connection, account_id: int, workspace: Workspace, recipient: Contact | None = None
) -> Mapping[str, Any]:
    """What templates read, by full name: facts, contacts and colleagues by role, the recipient, the sender."""
    facts = (
        conn.execute(sa.text("select * from account_now where account_id = :id"), {"id": account_id})
        .mappings()
        .one_or_none()
    )
    values: dict[str, Any] = {name: value for name, value in (facts or {}).items() if "." in name}
    values.setdefault("account.name", None)
    if values["account.name"] is None:
        values["account.name"] = conn.execute(sa.select(account.c.key).where(account.c.id == account_id)).scalar()
    for role in workspace.roles.contacts:
        found = recipients(conn, account_id, role, "first", workspace)
        values |= _person(f"contact.{role}", found[0] if found else None)
    for role in workspace.roles.staff:
        key = person_of(conn, account_id, role, workspace)
        values |= _colleague(conn, role, key)
    values |= _person("recipient", recipient)
    sender = workspace.sender
    values |= {"sender.name": sender and sender.name, "sender.email": sender and sender.address}
    values["sender.first_name"] = sender and sender.name.partition(" ")[0]
    values["workspace.name"] = workspace.name
    return values


def _contact(row: Row) -> Contact:
    return Contact(
        id=row.id,
        name=row.name,
        first_name=row.first_name or row.name.partition(" ")[0],
        email=row.email,
        roles=tuple(row.roles),
        locale=row.locale,
    )


def _person(prefix: str, found: Contact | None) -> dict[str, Any]:
    return {
        f"{prefix}.name": found and found.name,
        f"{prefix}.first_name": found and found.first_name,
        f"{prefix}.email": found and found.email,
    }


def _colleague(conn: sa.Connection, role: str, key: str | None) -> dict[str, Any]:
    row = conn.execute(sa.select(person.c.name, person.c.email).where(person.c.key == key)).one_or_none()
    return {
        f"{role}.name": row and row.name,
        f"{role}.first_name": row and row.name.partition(" ")[0],
        f"{role}.email": row and row.email,
    }
