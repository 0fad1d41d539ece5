"""What a reader must know before believing a judgement: too few churns, a card that reads the outcome itself, gaps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.health.scorecards import Component, Scorecard
from engine.validation.judgement import Judgement
from engine.validation.outcome import Outcome, sources_of
from engine.workspace import Workspace

FEW, SOME = 10, 30
"""Fewer accounts that left can show nothing; fewer than the second, little."""
_MUCH_UNKNOWN = 0.2
_TOO_GOOD = 0.95
_LIKE_LEAVING = ("churn", "cancel", "terminat", "offboard", "attrition", "resign")


@dataclass(frozen=True, kw_only=True)
class Caution:
    """One thing to mind."""

    code: str
    """Stable: too_few_churns, few_churns, no_better_than_chance, wrong_way, leak, looks_like_a_leak, too_good,
    much_unknown, bands_out_of_order, component_points_wrong_way; others come from what was recorded."""
    says: str


def cautions(judgement: Judgement) -> tuple[Caution, ...]:
    """What the figures themselves give reason to mind."""
    return tuple(_of_figures(judgement))


def leaks(cards: Sequence[Scorecard], workspace: Workspace, outcome: Outcome) -> tuple[Caution, ...]:
    """The components that read what tells the outcome: they would say that somebody leaves because they left."""
    computed = {one.name: one for one in workspace.computed}
    found: dict[str, Caution] = {}
    for component in (component for card in cards for component in card.components):
        reads = sources_of([component.input], computed)
        caution = _leak(component, reads, outcome) or _likeness(component, reads)
        if caution is not None:
            found.setdefault(component.id, caution)
    return tuple(found.values())


def _leak(component: Component, reads: Sequence[str], outcome: Outcome) -> Caution | None:
    fields = (*outcome.condition.reads, *outcome.condition.rows)
    same = [name for name in reads if name in fields]
    if same:
        says = f"{component.id} reads {same[0]}, which is what tells who left: it may report it rather than foretell it"
        return Caution(code="leak", says=says)
    both = [name for name in reads if name in outcome.reads]
    if both:
        return Caution(
            code="looks_like_a_leak",
            says=f"{component.id} and what counts as churned are both worked out from {both[0]}: make sure it moves "
            "before an account leaves, not by leaving",
        )
    return None


def _likeness(component: Component, reads: Sequence[str]) -> Caution | None:
    named = [name for name in reads if any(word in name.lower() for word in _LIKE_LEAVING)]
    if not named:
        return None
    source = next((name for name in named if name.startswith("event.")), named[0])
    return Caution(
        code="looks_like_a_leak",
        says=f"{component.id} reads {source}, which by its name may be the outcome itself, announced: judge the score "
        "also by how it does without",
    )


def _of_figures(judgement: Judgement) -> Iterator[Caution]:
    left = judgement.scored.churned_accounts
    if left < FEW:
        noun = "account" if left == 1 else "accounts"
        says = f"only {left} {noun} with a score left: too few to say whether the score is any good"
        yield Caution(code="too_few_churns", says=says)
    elif left < SOME:
        says = (
            f"only {left} accounts with a score left: the intervals are wide, and components can hardly be told apart"
        )
        yield Caution(code="few_churns", says=says)
    if judgement.auc is not None and left >= FEW:
        if judgement.auc.high < 0.5:
            yield Caution(code="wrong_way", says="accounts with the higher scores left more often")
        elif judgement.auc.low <= 0.5:
            says = "the interval of the AUC contains 0.5: the score is not shown to be better than chance"
            yield Caution(code="no_better_than_chance", says=says)
    yield from _of_components(judgement, left)
    if judgement.coverage is not None and 1 - judgement.coverage > _MUCH_UNKNOWN:
        says = f"{1 - judgement.coverage:.0%} of the samples have no score; the AUC says nothing of those"
        yield Caution(code="much_unknown", says=says)
    if left >= FEW:
        yield from _of_bands(judgement)


def _of_components(judgement: Judgement, left: int) -> Iterator[Caution]:
    for one in judgement.components:
        if one.auc is None or left < FEW:
            continue
        if one.auc.high < 0.5:
            says = f"{one.id} points the wrong way: accounts with more points of it left more often"
            yield Caution(code="component_points_wrong_way", says=says)
        if one.auc.value >= _TOO_GOOD:
            says = (
                f"{one.id} alone separates almost perfectly (AUC {one.auc.value:.2f}): is it written when one leaves?"
            )
            yield Caution(code="too_good", says=says)


def _of_bands(judgement: Judgement) -> Iterator[Caution]:
    known = [one for one in judgement.bands if one.captured is not None]
    for worse, better in pairwise(known):
        before, after = worse.rate, better.rate
        if before.high is not None and after.low is not None and after.low > before.high:
            rates = f"{after.value:.1%} against {before.value:.1%}"
            says = f"accounts in {better.name} left more often than those in {worse.name}: {rates}"
            yield Caution(code="bands_out_of_order", says=says)


def weights_of(cards: Sequence[Scorecard]) -> Mapping[str, float]:
    """The components of a card's variants in order, each with its mean weight."""
    found: dict[str, list[float]] = {}
    for component in (component for card in cards for component in card.components):
        found.setdefault(component.id, []).append(component.weight)
    return {id_: sum(weights) / len(weights) for id_, weights in found.items()}
