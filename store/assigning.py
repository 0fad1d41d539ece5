"""Whose task it is: a role's rule, a pool that takes turns, and failing that somebody with the role."""

import hashlib

import sqlalchemy as sa

from engine.roles import ManagerOf, PoolOf, rule_of
from engine.workspace import Workspace
from store.schema import account, account_now, person
from store.statements import Statement

_DEEPEST = 5
"""Of "manager of" chains; a workspace that goes in circles ends here."""


def assignee_for(conn: sa.Connection, account_id: int, role: str, workspace: Workspace) -> str | None:
    """The person key of a staff role for an account; failing that somebody with that role, always the same one."""
    return _named_person(conn, account_id, role, workspace, depth=0) or _fallback(conn, account_id, role)


def person_of(conn: sa.Connection, account_id: int, role: str, workspace: Workspace) -> str | None:
    """Whom texts mean by a role. Of a pool: whom the account was last handed to; asking gives nobody a turn."""
    rule = rule_of(workspace.roles.staff.get(role, ""))
    if isinstance(rule, PoolOf):
        return conn.execute(_LAST_OF_POOL, {"role": rule.people, "account": account_id}).scalar()
    return assignee_for(conn, account_id, role, workspace)


def _named_person(conn: sa.Connection, account_id: int, role: str, workspace: Workspace, depth: int) -> str | None:
    """Follow the workspace's rule for a role: a field that holds a person's key, a manager, or a pool."""
    text = workspace.roles.staff.get(role)
    if text is None or depth > _DEEPEST:
        return None
    rule = rule_of(text)
    if isinstance(rule, ManagerOf):
        below = _named_person(conn, account_id, rule.role, workspace, depth + 1)
        manager = conn.execute(sa.select(person.c.manager).where(person.c.key == below)).scalar() if below else None
        return _known(conn, manager)
    if isinstance(rule, PoolOf):
        return _of_pool(conn, rule)
    column: sa.ColumnClause[str] = sa.column(rule.field)
    of_account = sa.select(column).select_from(account_now).where(account_now.c.account_id == account_id)
    return _known(conn, conn.execute(of_account).scalar())


def _known(conn: sa.Connection, key: str | None) -> str | None:
    return key if _PERSON.read_one(conn, {"key": key}) else None


def _of_pool(conn: sa.Connection, pool: PoolOf) -> str | None:
    """Of the people with that role: who has the fewest open tasks, or who was given one the longest ago."""
    # One at a time, so that two tasks of one moment do not go to the same person.
    conn.execute(_LOCK_POOL, {"pool": f"pool {pool.people}"})
    found: str | None = conn.execute(_LEAST_LOADED if pool.by == "load" else _NEXT, {"role": pool.people}).scalar()
    return found


def _fallback(conn: sa.Connection, account_id: int, role: str) -> str | None:
    """Highest hash of (account, person): spread over the team, and unmoved when others join or leave it."""
    words = (role, role.rpartition(".")[2])
    team = conn.execute(sa.select(person.c.key).where(person.c.role.in_(words)).order_by(person.c.key)).scalars().all()
    of = conn.execute(sa.select(account.c.key).where(account.c.id == account_id)).scalar_one()
    return max(team, key=lambda key: hashlib.sha256(f"{of}\n{key}".encode()).digest(), default=None)


_PERSON = Statement("select key from person where key = %(key)s::text")
_LOCK_POOL = sa.text("select pg_advisory_xact_lock(hashtextextended(:pool, 0))")
_LEAST_LOADED = sa.text("""
    select person.key from person
    left join lateral (
        select count(*) as n from task where assignee = person.key and state = 'open'
    ) as load on true
    where person.role = :role
    order by load.n, person.key limit 1
""")
_LAST_OF_POOL = sa.text("""
    select task.assignee from task join person on person.key = task.assignee
    where task.account_id = :account and person.role = :role
    order by task.created_at desc, task.id desc limit 1
""")
_NEXT = sa.text("""
    select person.key from person
    left join lateral (
        select max(id) as latest from task where assignee = person.key
    ) as given on true
    where person.role = :role
    order by given.latest nulls first, person.key limit 1
""")
