"""Whether feeds of events are alive: a count over a silent feed is unknown, and so is a component grown stale."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.durations import Duration
from engine.scorecards import Component
from engine.workspace import Computed, Workspace
from store.schema import event, feed

Promise = tuple[str, Duration]
"""A type of events, and how long it may be silent."""


def promises(workspace: Workspace) -> tuple[Promise, ...]:
    """Every promise some value depends on, sorted."""
    found = {(name, str(one.stale_after)): one.stale_after for name, one in workspace.feeds.items()}
    for card in workspace.scorecards:
        for component in card.components:
            if component.stale_after is not None:
                found |= {
                    (name, str(component.stale_after)): component.stale_after
                    for name in event_types(component, workspace)
                }
    return tuple((name, found[name, words]) for name, words in sorted(found))


def alive(conn: sa.Connection, workspace: Workspace, now: datetime) -> Mapping[Promise, bool]:
    """Which promises are kept at `now`; a feed that never brought anything is not."""
    return {promise: _brought(conn, promise, now) for promise in promises(workspace)}


def remembered(conn: sa.Connection) -> Mapping[tuple[str, str], bool]:
    """What the last projection found, by type and duration in words."""
    return {(row.type, row.stale_after): row.alive for row in conn.execute(sa.select(feed))}


def remember(conn: sa.Connection, found: Mapping[Promise, bool]) -> None:
    """Keep what was found, if it is not what is kept already."""
    before = remembered(conn)
    for (name, stale_after), is_alive in found.items():
        if before.get((name, str(stale_after))) is not is_alive:
            conn.execute(_KEEP, {"type": name, "stale_after": str(stale_after), "alive": is_alive})


def is_blind(one: Computed, workspace: Workspace, found: Mapping[Promise, bool]) -> bool:
    """Whether a value counts events of a feed that is silent."""
    kinds = [source.removeprefix("event.") for condition in one.conditions() for source in condition.rows]
    return any(not found[name, workspace.feeds[name].stale_after] for name in kinds if name in workspace.feeds)


def event_types(component: Component, workspace: Workspace) -> Iterator[str]:
    """The types of events a component's input is worked out from, at any depth."""
    yield from sorted(
        {name.removeprefix("event.") for name in _sources(component, workspace) if name.startswith("event.")}
    )


def told_fields(component: Component, workspace: Workspace) -> Iterator[str]:
    """The told fields and pushed metrics a component's input is worked out from, at any depth."""
    yield from sorted({name for name in _sources(component, workspace) if name.startswith(("account.", "metric."))})


def stale_components(
    components: Iterable[Component], workspace: Workspace, found: Mapping[Promise, bool]
) -> tuple[str, ...]:
    """The components whose feeds have been silent for longer than they allow."""
    return tuple(
        component.id
        for component in components
        if component.stale_after is not None
        and any(not found[name, component.stale_after] for name in event_types(component, workspace))
    )


def window_of(duration: Duration) -> timedelta:
    """A duration as time that passes; documents only let exact ones through to here."""
    assert duration.exact is not None
    return duration.exact


def _sources(component: Component, workspace: Workspace) -> Iterator[str]:
    computed = {one.name: one for one in workspace.computed}
    waiting = list(component.input.reads)
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        one = computed.get(name)
        if one is None:
            yield name
        else:
            waiting += one.reads()
            yield from (source for condition in one.conditions() for source in condition.rows)


def _brought(conn: sa.Connection, promise: Promise, now: datetime) -> bool:
    name, stale_after = promise
    recent = sa.select(sa.literal(1)).where(
        event.c.type == name, event.c.at > now - window_of(stale_after), event.c.at <= now
    )
    return conn.execute(sa.select(recent.exists())).scalar_one() is True


_KEEP = sa.text("""
    insert into feed (type, stale_after, alive) values (:type, :stale_after, :alive)
    on conflict (type, stale_after) do update set alive = excluded.alive
""")
