"""Whom the passing of time alone concerns: facts that come of age, leave a window or go stale, and days that begin.

Everything else is told by change rows. A superset is harmless: what comes out the same is not written.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from engine.calendars import local_date
from engine.expressions import Expression
from engine.expressions.tree import Aggregate, Extreme, Now, Today, walk
from engine.workspace import Workspace
from store.current import freshness
from store.current.in_work import Scope
from store.current.touched import Touched, bits, touched_in
from store.expressions.zones import zones_in_use
from store.schema import account, account_now, account_value, event, record, score_override, value_history

Instant = sa.ColumnElement[Any]
"""As SQL knows it."""


def scope_of(
    workspace: Workspace,
    since: datetime | None,
    until: datetime,
    expressions: Iterable[Expression],
    *,
    turned: freshness.Feeds,
) -> Scope:
    """Whether the time that passed since the last sweep, if there was any, concerns everyone. `turned`: the feeds that
    were alive then and are not now, or the other way round."""
    if since is None or turned:
        return "anew"
    day_turned = local_date(since, workspace.zone) != local_date(until, workspace.zone)
    return "all" if day_turned and _look((*expressions_of(workspace), *expressions)).at_the_clock else "some"


def due_accounts(
    conn: sa.Connection,
    workspace: Workspace,
    since: datetime | None,
    until: datetime,
    expressions: Iterable[Expression] = (),
) -> sa.Select[tuple[int]]:
    """The ids of accounts for which something may come out differently at `until` than at `since`, the last sweep.

    `expressions`: what else is evaluated over the projection, such as conditions of playbooks. No last sweep: all.
    """
    expressions = tuple(expressions)
    turned = freshness.turned(freshness.remembered(conn), freshness.alive(conn, workspace, until))
    if since is None or scope_of(workspace, since, until, expressions, turned=turned) == "anew":
        return sa.select(account.c.id)
    passed = timed(workspace, expressions, sa.literal(since, _AT), sa.literal(until, _AT)).subquery("timed")
    selects = [sa.select(passed.c[0]), *new_day(zones_in_use(conn), workspace, expressions, since, until)]
    return sa.select(sa.union_all(*selects).subquery("due").c[0]).distinct()


def timed(
    workspace: Workspace, expressions: Iterable[Expression], since: Instant, until: Instant
) -> sa.CompoundSelect[tuple[int, int]]:
    """Those for which a fact comes of age, ends, leaves a window or goes stale between two instants, and what
    that touches (`store.current.touched`); by indexes. Who is told seven things at once is found seven times."""
    all_expressions = (*expressions_of(workspace), *expressions)
    return sa.union_all(*_coming_of_age(since, until), *_leaving(workspace, all_expressions, since, until))


def new_day(
    known: Sequence[str], workspace: Workspace, expressions: Iterable[Expression], since: datetime, until: datetime
) -> Sequence[sa.Select[tuple[int]]]:
    """Those in whose zones midnight has passed, where some expression looks at the clock: at most one statement.
    `known`: the zones in use."""
    if not _look((*expressions_of(workspace), *expressions)).at_the_clock:
        return ()
    turned = [name for name in known if local_date(since, name) != local_date(until, name)]
    ids, zone = sa.select(account_now.c.account_id), sa.column("account.zone", sa.Text)
    if local_date(since, workspace.zone) != local_date(until, workspace.zone):
        # Everyone but those who live where the day is the same as before.
        return [ids.where(sa.or_(zone.is_(None), zone.not_in([name for name in known if name not in turned])))]
    return [ids.where(zone.in_(turned))] if turned else ()


def reads_the_clock(expression: Expression) -> bool:
    """Whether an expression compares with the present instant itself: it is looked at anew at local midnight only."""
    return any(isinstance(node, Now) for node in walk(expression.tree))


def expressions_of(workspace: Workspace) -> Iterator[Expression]:
    """What is worked out of every account: computed fields and scorecards."""
    for one in workspace.computed:
        yield from (condition.expression for condition in one.conditions())
    for card in workspace.scorecards:
        if card.applies_to is not None:
            yield card.applies_to.expression
        yield from (component.input.expression for component in card.components)


def _coming_of_age(since: Instant, until: Instant) -> Iterator[sa.Select[tuple[int, int]]]:
    """What was dated ahead and now counts; what now has ended."""
    columns: tuple[sa.Column[Any], ...] = (account_value.c.at, event.c.at, record.c.starts_at, record.c.ends_at)
    # Not its end alone: a sweep that had chosen its instant may have taken the change row of an override made since.
    overrides = (score_override.c.since, score_override.c.until, score_override.c.ended_at)
    for at in (*columns, *overrides):
        yield _between(at, since, until)


def _leaving(
    workspace: Workspace, expressions: tuple[Expression, ...], since: Instant, until: Instant
) -> Iterator[sa.Select[tuple[int, int]]]:
    looks = _look(expressions)
    for source, window in looks.windows:
        if source.startswith("event."):
            at, is_it = event.c.at, event.c.type == source.removeprefix("event.")
        else:
            at, is_it = record.c.starts_at, record.c.kind == source
        yield _between(at, since, until, window).where(is_it)
    for name, window in looks.extremes:
        # A value leaves when the one after it reaches the window's start and is the one in force there.
        yield _between(value_history.c.at, since, until, window).where(value_history.c.field == name)
    for name, window in _stale_values(workspace):
        stale = _between(account_value.c.at, since, until, window, touched=Touched.NOTHING)
        yield stale.where(account_value.c.field == name)


@dataclass(frozen=True)
class _Looks:
    """What some expressions look back at, and whether any looks at the clock."""

    windows: tuple[tuple[str, timedelta], ...]
    extremes: tuple[tuple[str, timedelta], ...]
    at_the_clock: bool


@lru_cache(maxsize=32)
def _look(expressions: tuple[Expression, ...]) -> _Looks:
    nodes = [node for expression in expressions for node in walk(expression.tree)]
    windows = [
        (node.source, freshness.window_of(node.window))
        for node in nodes
        if isinstance(node, Aggregate) and node.window is not None
    ]
    extremes = [(node.field, freshness.window_of(node.window)) for node in nodes if isinstance(node, Extreme)]
    return _Looks(
        windows=tuple(dict.fromkeys(windows)),
        extremes=tuple(dict.fromkeys(extremes)),
        at_the_clock=any(isinstance(node, Today | Now) for node in nodes),
    )


def _stale_values(workspace: Workspace) -> Iterator[tuple[str, timedelta]]:
    for card in workspace.scorecards:
        for component in card.components:
            if component.stale_after is not None:
                for name in freshness.told_fields(component, workspace):
                    yield name, freshness.window_of(component.stale_after)


def _between(
    at: sa.Column[datetime],
    after: Instant,
    upto: Instant,
    before: timedelta | None = None,
    touched: Touched | None = None,
) -> sa.Select[tuple[int, int]]:
    """Rows of that time; or of as long before it. They touch what is worked out of their table, if not told."""
    if before is not None:
        back = sa.literal_column(f"make_interval(secs => {int(before.total_seconds())})", sa.Interval)
        after, upto = after - back, upto - back
    touched = touched_in([at.table]) if touched is None else touched
    return sa.select(at.table.c.account_id, bits(touched).label("touched")).where(at > after, at <= upto)


_AT = sa.DateTime(timezone=True)
