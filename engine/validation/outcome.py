"""What counts as having left: a condition that becomes true, and the part of a workspace it is worked out from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.expressions import Scope, parse_expression
from engine.expressions.tree import Constant, walk
from engine.values import Condition
from engine.workspace import Computed, Workspace

CHURNED = 'account.lifecycle == "churned"'
"""What counts unless somebody says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A condition whose becoming true is the outcome."""

    condition: Condition
    workspace: Workspace
    """Without scores, and without the computed fields and feeds that make no difference to the condition."""
    reads: tuple[str, ...]
    """The fields it depends on, at any depth, and the sources of rows (`subscription`, `event.usage`); sorted."""

    @property
    def events(self) -> tuple[str, ...]:
        """The types of events it depends on."""
        return tuple(name.removeprefix("event.") for name in self.reads if name.startswith("event."))


def outcome_of(workspace: Workspace, text: str = CHURNED) -> Outcome:
    """Raises ExpressionError for a condition that is none; ValueError for one whose past nobody has recorded."""
    expression = parse_expression(text, Scope(catalogue=workspace.catalogue(), aggregates=True), want="bool")
    if expression.extremes:
        raise ValueError("highest, lowest and trend look back at what sweeps have seen, and cannot say who left")
    cards = {field.name for card in workspace.scorecards for field in card.fields()}
    if own := sorted(cards.intersection(expression.reads)):
        raise ValueError(f"{own[0]} is part of the score itself")
    condition = Condition.of(expression)
    computed = {one.name: one for one in workspace.computed}
    if text == CHURNED and "account.lifecycle" in computed:
        computed["account.lifecycle"] = _up_to_named(computed["account.lifecycle"], condition)
    reads = sources_of([condition], computed)
    kept = tuple(computed[one.name] for one in workspace.computed if one.name in reads)
    feeds = {name: feed for name, feed in workspace.feeds.items() if f"event.{name}" in reads}
    small = workspace.model_copy(update={"computed": kept, "scorecards": (), "feeds": feeds})
    return Outcome(condition=condition, workspace=small, reads=reads)


def sources_of(conditions: Iterable[Condition], computed: Mapping[str, Computed]) -> tuple[str, ...]:
    """All that conditions depend on, at any depth: fields, and sources of rows; sorted."""
    found: dict[str, None] = {}
    waiting = list(conditions)
    while waiting:
        condition = waiting.pop()
        found |= dict.fromkeys(condition.rows)
        fresh = [name for name in condition.reads if name not in found]
        found |= dict.fromkeys(fresh)
        waiting += [part for name in fresh if name in computed for part in computed[name].conditions()]
    return tuple(sorted(found))


def _up_to_named(one: Computed, condition: Condition) -> Computed:
    """Cases after the last word that the condition names come to another word, whichever it is."""
    words = [node.value for node in walk(condition.expression.tree) if isinstance(node, Constant)]
    places = [n for n, (case, _) in enumerate(one.cases) if case in words]
    return one.model_copy(update={"cases": one.cases[: places[-1] + 1]}) if places else one
