"""What a workspace promises of its feeds: how long they may be silent before what is counted over them is unknown."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from engine.durations import Duration
from engine.health.scorecards import Component
from engine.workspace.model import Computed, Workspace

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
