"""Which fields mean something else after a deploy, at any depth: what is true under a new meaning is no news."""

from collections.abc import Mapping
from typing import Any

from engine.health.rollups import children_field
from engine.workspace import Computed, Workspace


def redefined(before: Workspace | None, after: Workspace) -> frozenset[str]:
    """Names of fields that are worked out differently than before, or from something that is."""
    if before is None:
        return frozenset()
    old, new = before.catalogue(), after.catalogue()
    changed = {name for name, field in new.fields.items() if (was := old.field(name)) is None or was.type != field.type}
    changed |= _differing(_formulas(before), _formulas(after))
    # Computed fields come in an order in which each finds what it needs; scores are worked out from those.
    for one in after.computed:
        if changed.intersection(one.reads()):
            changed.add(one.name)
    other_cards = _differing(before.cards(), after.cards())
    for id_, cards in after.cards().items():
        inputs = [part.input for card in cards for part in card.components]
        inputs += [card.applies_to for card in cards if card.applies_to is not None]
        if id_ in other_cards or any(changed.intersection(condition.reads) for condition in inputs):
            changed |= {field.name for card in cards for field in card.fields()}
            changed |= {children_field(id_)} if cards[0].rollup else set()
    return frozenset(changed)


def _formulas(workspace: Workspace) -> Mapping[str, Any]:
    return {one.name: (one, _feeds(workspace, one)) for one in workspace.computed}


def _feeds(workspace: Workspace, one: Computed) -> list[Any]:
    """How long the events it counts may be silent is part of what it means."""
    types = [source.removeprefix("event.") for condition in one.conditions() for source in condition.rows]
    return [workspace.feeds.get(type_) for type_ in types]


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}
