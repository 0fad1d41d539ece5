"""Whose task it is: a role's rule, a pool that takes turns, and failing that somebody with the role."""

import hashlib
from typing import Any

import sqlalchemy as sa

from engine.workspace import Workspace
from engine.workspace.roles import ManagerOf, PoolOf, rule_of
from store.postgres.statements import Given, Statement, kept
from store.schema import account_now

_DEEPEST = 5
"""Of "manager of" chains; a workspace that goes in circles ends here."""


def assignee_for(conn: sa.Connection, account_id: int, role: str, workspace: Workspace) -> str | None:
    """The person key of a staff role for an account; failing that somebody with that role, always the same one."""
    return _named_person(conn, account_id, role, workspace, depth=0) or _fallback(conn, account_id, role)


def person_of(conn: sa.Connection, account_id: int, role: str, workspace: Workspace) -> str | None:
    """Whom texts mean by a role. Of a pool: whom the account was last handed to; asking gives nobody a turn."""
    rule = rule_of(workspace.roles.staff.get(role, ""))
    if isinstance(rule, PoolOf):
        return next(iter(_LAST_OF_POOL.read_column(conn, {"role": rule.people, "account": account_id})), None)
    return assignee_for(conn, account_id, role, workspace)


def _named_person(conn: sa.Connection, account_id: int, role: str, workspace: Workspace, depth: int) -> str | None:
    """Follow the workspace's rule for a role: a field that holds a person's key, a manager, or a pool."""
    text = workspace.roles.staff.get(role)
    if text is None or depth > _DEEPEST:
        return None
    rule = rule_of(text)
    if isinstance(rule, ManagerOf):
        below = _named_person(conn, account_id, rule.role, workspace, depth + 1)
        manager = _MANAGER.read_one(conn, {"key": below}) if below else None
        return _known(conn, manager.manager if manager else None)
    if isinstance(rule, PoolOf):
        return _of_pool(conn, rule)
    told = kept(("person of", rule.field), lambda: _told(rule.field)).read_column(conn, {"account": account_id})
    return _known(conn, next(iter(told), None))


def _told(field: str) -> sa.Select[Any]:
    column: sa.ColumnClause[str] = sa.column(field)
    return sa.select(column).where(account_now.c.account_id == Given("account", sa.BigInteger))


def _known(conn: sa.Connection, key: str | None) -> str | None:
    return key if _PERSON.read_one(conn, {"key": key}) else None


def _of_pool(conn: sa.Connection, pool: PoolOf) -> str | None:
    """Of the people with that role: who has the fewest open tasks, or who was given one the longest ago."""
    # One at a time, so that two tasks of one moment do not go to the same person.
    _LOCK_POOL.read(conn, {"pool": f"pool {pool.people}"})
    found = (_LEAST_LOADED if pool.by == "load" else _NEXT).read_column(conn, {"role": pool.people})
    return next(iter(found), None)


def _fallback(conn: sa.Connection, account_id: int, role: str) -> str | None:
    """Highest hash of (account, person): spread over the team, and unmoved when others join or leave it."""
    team = _TEAM.read_column(conn, {"roles": [role, role.rpartition(".")[2]]})
    [of] = _KEY.read_column(conn, {"account": account_id})
    return max(team, key=lambda key: hashlib.sha256(f"{of}\n{key}".encode()).digest(), default=None)


_PERSON = Statement("select key from person where key = %(key)s::text")
_MANAGER = Statement("select manager from person where key = %(key)s")
_TEAM = Statement("select key from person where role = any(cast(%(roles)s as text[])) order by key")
_KEY = Statement("select key from account where id = %(account)s")
_LOCK_POOL = Statement("select pg_advisory_xact_lock(hashtextextended(%(pool)s, 0))")
_LEAST_LOADED = Statement("""
    select person.key from person
    left join lateral (
        select count(*) as n from task where assignee = person.key and state = 'open'
    ) as load on true
    where person.role = %(role)s
    order by load.n, person.key limit 1
""")
_LAST_OF_POOL = Statement("""
    select task.assignee from task join person on person.key = task.assignee
    where task.account_id = %(account)s and person.role = %(role)s
    order by task.created_at desc, task.id desc limit 1
""")
_NEXT = Statement("""
    select person.key from person
    left join lateral (
        select max(id) as latest from task where assignee = person.key
    ) as given on true
    where person.role = %(role)s
    order by given.latest nulls first, person.key limit 1
""")
