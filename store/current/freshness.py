"""Whether feeds of events are alive: a count over a silent feed is unknown, and so is a component grown stale."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.workspace import Workspace
from engine.workspace.freshness import (
    Promise,
    event_types,
    is_blind,
    promises,
    stale_components,
    told_fields,
    window_of,
)
from store.postgres.statements import Given, Statement, kept
from store.schema import event

__all__ = [
    "Feeds",
    "Promise",
    "alive",
    "by_words",
    "event_types",
    "is_blind",
    "promises",
    "remember",
    "remembered",
    "silent_sources",
    "stale_components",
    "told_fields",
    "turned",
    "window_of",
]


Feeds = Mapping[tuple[str, str], bool]
"""Which feeds were alive, by type and by the duration in words after which they are not."""


def alive(conn: sa.Connection, workspace: Workspace, now: datetime) -> Mapping[Promise, bool]:
    """Which promises are kept at `now`; a feed that never brought anything is not."""
    promised = promises(workspace)
    if not promised:
        return {}
    [found] = kept(("alive", promised), lambda: _all_brought(promised)).read_mappings(conn, {"now": now})
    return dict(zip(promised, found.values(), strict=True))


def remembered(conn: sa.Connection) -> Feeds:
    """What the last projection found."""
    return {(row.type, row.stale_after): row.alive for row in _FEEDS.read(conn, {})}


def by_words(found: Mapping[Promise, bool]) -> Feeds:
    """The same by type and duration in words."""
    return {(name, str(stale_after)): is_alive for (name, stale_after), is_alive in found.items()}


def turned(before: Feeds, found: Mapping[Promise, bool]) -> Feeds:
    """What was found of feeds, where that is not what was remembered of them."""
    return {key: is_alive for key, is_alive in by_words(found).items() if before.get(key) is not is_alive}


def remember(conn: sa.Connection, found: Feeds) -> None:
    """Keep what has turned."""
    for (name, stale_after), is_alive in found.items():
        conn.execute(_KEEP, {"type": name, "stale_after": stale_after, "alive": is_alive})


def silent_sources(workspace: Workspace, found: Feeds) -> frozenset[str]:
    """The sources, such as `event.usage`, whose feed is silent by what was found."""
    return frozenset(
        f"event.{name}" for name, one in workspace.feeds.items() if found.get((name, str(one.stale_after))) is False
    )


def _all_brought(promised: Sequence[Promise]) -> sa.Select[*tuple[bool, ...]]:
    return sa.select(*(_brought(one).label(f"brought_{n}") for n, one in enumerate(promised)))


def _brought(promise: Promise) -> sa.ColumnElement[bool]:
    name, stale_after = promise
    patience = sa.literal_column(f"make_interval(secs => {int(window_of(stale_after).total_seconds())})", sa.Interval)
    return sa.exists().where(event.c.type == name, event.c.at > _NOW - patience, event.c.at <= _NOW)


_FEEDS = Statement("select type, stale_after, alive from feed")
_NOW = Given("now", sa.DateTime(timezone=True))

_KEEP = sa.text("""
    insert into feed (type, stale_after, alive) values (:type, :stale_after, :alive)
    on conflict (type, stale_after) do update set alive = excluded.alive
""")
