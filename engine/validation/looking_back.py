"""What a card reads of which no complete past is kept."""

from collections.abc import Sequence

from engine.expressions.rows import CONTACT
from engine.health.scorecards import Scorecard
from engine.validation.outcome import sources_of
from engine.workspace import Workspace


def remembered_fields(cards: Sequence[Scorecard], workspace: Workspace) -> tuple[str, ...]:
    """Those whose recorded past `highest`, `lowest` or `trend` look at, at any depth; sorted."""
    computed = {one.name: one for one in workspace.computed}
    inputs = [component.input for card in cards for component in card.components]
    below = [part for name in sources_of(inputs, computed) if name in computed for part in computed[name].conditions()]
    return tuple(sorted({one.field for condition in (*inputs, *below) for one in condition.expression.extremes}))


def reads_contacts(cards: Sequence[Scorecard], workspace: Workspace) -> bool:
    computed = {one.name: one for one in workspace.computed}
    inputs = [component.input for card in cards for component in card.components]
    return CONTACT in sources_of(inputs, computed)
