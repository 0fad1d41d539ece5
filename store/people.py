"""Who is meant by a role, and what texts may say of an account: names are read here, at the last moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa

from engine.contacts import chosen as chosen_of
from engine.workspace import Workspace
from store.assigning import person_of
from store.erased import is_kept
from store.postgres.statements import Given, Row, Statement, kept
from store.schema import account, contact
from store.schema.base import ID


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
    return chosen(contacts_of(conn, account_id), role, mode, workspace)


def chosen(
    contacts: Sequence[Contact], role: str, mode: Literal["first", "exact", "all"], workspace: Workspace
) -> list[Contact]:
    """The same of these contacts."""
    return chosen_of(contacts, role, mode, workspace.roles.contacts)


def contacts_of(conn: sa.Connection, account_id: int) -> list[Contact]:
    """All contacts of an account, in a stable order, without the rows that are left of those who were erased."""
    return [_contact(row) for row in kept(("contacts of",), _contacts_of).read(conn, {"account": account_id})]


def _contacts_of() -> sa.Select[Any]:
    mine = contact.c.account_id == Given("account", ID)
    return sa.select(contact).where(mine, is_kept(contact)).order_by(contact.c.key)


def contact_of(conn: sa.Connection, contact_id: int) -> Contact:
    """One contact by its row."""
    return _contact(conn.execute(sa.select(contact).where(contact.c.id == contact_id)).one())


def colleague(conn: sa.Connection, key: str) -> Colleague | None:
    """A colleague by key."""
    row = _COLLEAGUE.read_one(conn, {"key": key})
    return None if row is None else Colleague(key=key, name=row.name, email=row.email)


def text_values(
    conn: sa.Connection, account_id: int, workspace: Workspace, recipient: Contact | None = None
) -> Mapping[str, Any]:
    """What templates read, by full name: facts, contacts and colleagues by role, the recipient, the sender. It is read
    when it is asked for, over the caller's connection: most texts name few of all these."""
    return _TextValues(conn, account_id, workspace, recipient)


class _TextValues(Mapping[str, Any]):
    def __init__(self, conn: sa.Connection, account_id: int, workspace: Workspace, recipient: Contact | None) -> None:
        self._conn, self._account_id, self._workspace = conn, account_id, workspace
        self._colleagues: dict[str, Mapping[str, Any]] = {}
        sender = workspace.sender
        self._given = {
            **_person("recipient", recipient),
            "sender.name": sender and sender.name,
            "sender.email": sender and sender.address,
            "sender.first_name": sender and sender.name.partition(" ")[0],
            "workspace.name": workspace.name,
        }

    def __getitem__(self, name: str) -> Any:
        of = name.rpartition(".")[0]
        if name in self._given:
            return self._given[name]
        if of in self._workspace.roles.staff:
            return self._colleague(of)[name]
        if of.removeprefix("contact.") in self._workspace.roles.contacts and of.startswith("contact."):
            return self._contacts[name]
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        staff = (self._colleague(role) for role in self._workspace.roles.staff)
        return iter({**self._facts, **self._contacts, **{name: None for one in staff for name in one}, **self._given})

    def __len__(self) -> int:
        return len(list(iter(self)))

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        found = _FACTS.read_values(self._conn, {"id": self._account_id})
        values: dict[str, Any] = {name: value for name, value in (found or {}).items() if "." in name}
        if values.get("account.name") is None:
            of = sa.select(account.c.key).where(account.c.id == self._account_id)
            values["account.name"] = self._conn.execute(of).scalar()
        return values

    @cached_property
    def _contacts(self) -> Mapping[str, Any]:
        values: dict[str, Any] = {}
        everyone = contacts_of(self._conn, self._account_id)
        for role in self._workspace.roles.contacts:
            found = chosen(everyone, role, "first", self._workspace)
            values |= _person(f"contact.{role}", found[0] if found else None)
        return values

    def _colleague(self, role: str) -> Mapping[str, Any]:
        if role not in self._colleagues:
            key = person_of(self._conn, self._account_id, role, self._workspace)
            self._colleagues[role] = _colleague(self._conn, role, key)
        return self._colleagues[role]


_FACTS = Statement("select * from account_now where account_id = %(id)s")
_COLLEAGUE = Statement("select name, email from person where key = %(key)s::text")


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
    row = _COLLEAGUE.read_one(conn, {"key": key})
    return {
        f"{role}.name": row and row.name,
        f"{role}.first_name": row and row.name.partition(" ")[0],
        f"{role}.email": row and row.email,
    }
