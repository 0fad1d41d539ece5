"""What people call things: account names, playbook titles, the workspace; usable before anything was deployed."""

from dataclasses import dataclass

import sqlalchemy as sa

from store.schema import account_value, person, playbook_version, workspace


@dataclass(frozen=True, kw_only=True)
class Person:
    key: str
    name: str
    role: str


def people(conn: sa.Connection) -> tuple[Person, ...]:
    """The colleagues, by name."""
    rows = conn.execute(sa.select(person.c.key, person.c.name, person.c.role).order_by(person.c.name, person.c.key))
    return tuple(Person(key=row.key, name=row.name, role=row.role) for row in rows)


def workspace_name_and_zone(conn: sa.Connection) -> tuple[str, str]:
    """What the pages say and in which zone they show times; plain words before the first deploy."""
    document = conn.execute(sa.select(workspace.c.document)).scalar() or {}
    return document.get("name") or "Tenure", document.get("zone") or "UTC"


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
    pv = playbook_version
    title = pv.c.compiled["title"].astext
    return sa.select(title).where(pv.c.playbook == playbook, pv.c.version == version).scalar_subquery()
