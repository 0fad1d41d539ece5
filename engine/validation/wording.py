"""What a judgement comes to, in words: the same ones on the terminal and in the picture."""

from engine.validation.auc import Auc
from engine.validation.cautions import FEW
from engine.validation.judgement import Group, Judgement
from engine.validation.rates import Rate

_GRADES = ((0.9, "very well"), (0.8, "well"), (0.7, "fairly well"), (0.6, "weakly"), (0.0, "barely"))


def verdict(judgement: Judgement) -> str:
    """One clause, careful rather than kind."""
    left, found = judgement.scored.churned_accounts, judgement.auc
    if found is None:
        return "nobody with a score left, so there is nothing to tell apart" if not left else "nobody stayed"
    if left < FEW:
        return "too few left to say whether the score tells who will"
    if found.high < 0.5:
        return "the score points the wrong way: those with more left more often"
    if found.low <= 0.5:
        return "the score is not shown to be better than chance"
    grade = next(words for least, words in _GRADES if found.value >= least)
    return f"the score tells {grade} who will leave"


def auc_in_words(found: Auc | None) -> str:
    """'0.71 (0.64 to 0.78)'"""
    return "-" if found is None else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def interval_in_words(found: Rate) -> str:
    """'3.1 % to 9.8 %'"""
    return "-" if found.low is None or found.high is None else f"{percent(found.low)} to {percent(found.high)}"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def scores_in_words(group: Group) -> str:
    """The lowest and highest score in a group."""
    if group.low is None or group.high is None:
        return "-"
    return f"{group.low:g}" if group.low == group.high else f"{group.low:g} to {group.high:g}"
