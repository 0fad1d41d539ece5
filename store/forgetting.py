"""Forgets what is older than the workspace keeps, batch by batch; what is in force, waited for or looked at stays.

First it is said what is given up (`kept_since`), then it is deleted: killed between two batches, the next run goes on.
People, consent, receipts, mails and the audit log are no part of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.expressions import Expression
from engine.expressions.tree import Aggregate, Extreme, walk
from engine.workspace import Workspace
from store.current.ageing import expressions_of
from store.current.freshness import window_of
from store.deployed import NothingDeployed, conditions_in_force, load_playbooks, load_workspace
from store.leaps import certain_now
from store.postgres.distinct_values import distinct_values
from store.schema import kept_since as kept

HISTORY = "history"
_BATCH = 5_000
"""Rows of one transaction."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """What a run gave up."""

    since: Mapping[str, datetime] = field(default_factory=dict)
    """From when on is kept what is not kept for ever: `event.usage`, `history`."""
    events: int = 0
    """Deleted now."""
    past: int = 0
    """Values, versions of records and scores that others had taken the place of, deleted now."""


class HistoryGone(LookupError):
    """What was known at an instant is not kept any more; says since when it is."""


def forget(engine: sa.Engine) -> Forgotten:
    """Give up what the deployed workspace does not keep; nothing without one, or while all is kept for ever."""
    with engine.begin() as conn:
        since = _give_up(conn)
    events = sum(_forget_events(engine, what, at) for what, at in since.items() if what != HISTORY)
    past = _forget_past(engine, since[HISTORY]) if HISTORY in since else 0
    return Forgotten(since=since, events=events, past=past)


def told_since(conn: sa.Connection) -> datetime | None:
    """From when on the values that were told are known as they were known then; None: from the beginning."""
    at: datetime | None = conn.execute(sa.select(kept.c.at).where(kept.c.what == HISTORY)).scalar()
    return at


def known_since(conn: sa.Connection, workspace: Workspace) -> datetime | None:
    """The same for all that is worked out, which looks back from where it stands."""
    given_up = conn.execute(sa.select(kept.c.what, kept.c.at)).all()
    windows = _windows_in_force(conn, workspace) if given_up else {}
    return max((row.at + (windows.get(row.what) or timedelta()) for row in given_up), default=None)


def check_kept(conn: sa.Connection, workspace: Workspace, at: datetime) -> None:
    """HistoryGone for an instant of which not all is known any more."""
    since = known_since(conn, workspace)
    if since is not None and at < since:
        raise HistoryGone(f"what was known then is gone: all of it is kept since {since:%Y-%m-%d %H:%M} UTC")


def _give_up(conn: sa.Connection) -> Mapping[str, datetime]:
    """Move on, as far as nobody looks back, what is kept; what is kept from when."""
    try:
        workspace = load_workspace(conn)
    except NothingDeployed:
        return {}
    now, retention = certain_now(conn), workspace.retention
    windows = _windows_in_force(conn, workspace)
    if retention.events is not None:
        waited = conn.execute(_WAITED).scalar()
        for type_ in conn.execute(_TYPES).scalars().all():
            window = windows.get(f"event.{type_}", timedelta())
            if window is not None:
                before = now - max(window_of(retention.events), window)
                _move(conn, f"event.{type_}", min(before, waited or before))
    window = windows.get(HISTORY, timedelta())
    if retention.history is not None and window is not None:
        _move(conn, HISTORY, now - max(window_of(retention.history), window))
    return {row.what: row.at for row in conn.execute(sa.text("select what, at from kept_since order by what"))}


def _windows_in_force(conn: sa.Connection, workspace: Workspace) -> Mapping[str, timedelta | None]:
    conditions = conditions_in_force(conn, load_playbooks(conn, states=("active", "paused", "off")))
    return _windows((*expressions_of(workspace), *(condition.expression for condition in conditions)))


def _windows(expressions: Iterable[Expression]) -> Mapping[str, timedelta | None]:
    """How far back each type of events, and history, is looked at; None: to the beginning."""
    found: dict[str, timedelta | None] = {}
    for node in (node for expression in expressions for node in walk(expression.tree)):
        if isinstance(node, Aggregate | Extreme):
            source = HISTORY if isinstance(node, Extreme) else node.source
            window, before = node.window, found.get(source, timedelta())
            found[source] = None if window is None or before is None else max(before, window_of(window))
    return found


def _move(conn: sa.Connection, what: str, at: datetime) -> None:
    conn.execute(_MOVE, {"what": what, "at": at})


def _forget_events(engine: sa.Engine, what: str, before: datetime) -> int:
    return _in_batches(engine, _EVENTS, type=what.removeprefix("event."), before=before)


def _forget_past(engine: sa.Engine, before: datetime) -> int:
    """Whatever was taken the place of before then, behind what took it since the last time."""
    with engine.connect() as conn:
        gone = conn.execute(sa.text("select gone_until from kept_since where what = 'history'")).scalar()
    deleted = _in_batches(engine, _RECORDS, before=before)
    for statement in _PAST:
        deleted += _behind(engine, statement, gone, before)
    with engine.begin() as conn:
        conn.execute(sa.text("update kept_since set gone_until = :at where what = 'history'"), {"at": before})
    return deleted


def _behind(engine: sa.Engine, statement: sa.TextClause, after: datetime | None, before: datetime) -> int:
    deleted, place = 0, (after, 0)
    while True:
        with engine.begin() as conn:
            told = {"after": place[0], "id": place[1], "before": before, "batch": _BATCH}
            row = conn.execute(statement, told).one()
        deleted += int(row.deleted)
        if row.looked < _BATCH:
            return deleted
        place = (row.at, row.id)


def _in_batches(engine: sa.Engine, statement: sa.TextClause, **told: object) -> int:
    deleted = 0
    while True:
        with engine.begin() as conn:
            some: int = conn.execute(statement, {**told, "batch": _BATCH}).rowcount
        deleted += some
        if some < _BATCH:
            return deleted


_MOVE = sa.text("""
    insert into kept_since (what, at) values (:what, :at)
    on conflict (what) do update set at = greatest(kept_since.at, excluded.at)
""")

_TYPES = sa.text(distinct_values("event", "type"))

# A run that waits for an event may still hear of one from when its wait began.
_WAITED = sa.text("select min(opened_at) from watch where met_at is null and event is not null")

# What no sweep has looked at yet stays until one has.
_EVENTS = sa.text("""
    delete from event where id in (
        select id from event as old where type = :type and at < :before
            and not exists (select from change where event_id = old.id)
            and not exists (select from work_event where event_id = old.id)
            and not exists (select from settling where event_id = old.id)
        order by at limit :batch
    )
""")

_RECORDS = sa.text("""
    delete from record where id in (select id from record where superseded_at <= :before limit :batch)
""")


def _past(table: str, key: str, known: str = "true") -> sa.TextClause:
    """Deletes what lies behind some rows that came into force, and says where it stopped looking."""
    return sa.text(f"""
        with looked as materialized (
            select account_id, {key}, at, id, {known} as is_known from {table}
            where at <= :before
                and (cast(:after as timestamptz) is null or (at, id) > (cast(:after as timestamptz), :id))
            order by at, id limit :batch
        ), deleted as (
            delete from {table} as old using looked
            where old.account_id = looked.account_id and old.{key} = looked.{key}
                and (old.at, old.id) < (looked.at, looked.id) and is_known
            returning old.id
        )
        select (select count(*) from looked) as looked, (select count(*) from deleted) as deleted, last.at, last.id
        from (values (1)) as one left join (select at, id from looked order by at desc, id desc limit 1) as last on true
    """)  # noqa: S608 - put together from constants


_PAST = (
    # Before it was told, what it took the place of was still believed.
    _past("account_value", "field", "learned_at <= :before"),
    _past("value_history", "field"),
    _past("score", "card"),
)
