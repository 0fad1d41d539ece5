"""What people do when a playbook asks: CSMs settle tasks or forget them, customers read, answer or stay silent.

Knows the customers' stories, so that what people say fits what the numbers show; knows no playbook by heart: it takes
the outcomes of a task as written from best to worst, which is how the playbooks of this repository write them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from app.book.chance import chance
from app.book.notes import NOTES
from app.book.stories import Story, nps_of, story_of
from engine.steps.email import DROP, SEND


class Answer(NamedTuple):
    """How a task is settled."""

    business_hours: float
    outcome: str
    note: str


class Score(NamedTuple):
    """An answer to a survey."""

    delay: timedelta
    score: int


class Reaction(NamedTuple):
    """What a reader does with a mail."""

    type: Literal["opened", "clicked", "replied"]
    delay: timedelta


@dataclass(frozen=True, kw_only=True)
class _Temper:
    """Chances, 0 to 1."""

    best: float
    """of the best outcome of a task; the rest is shared by the others"""
    worst: float
    """of the worst among the rest"""
    opens: float
    clicks: float
    replies: float


def _temper(best: float, worst: float, opens: float, clicks: float, replies: float) -> _Temper:
    return _Temper(best=best, worst=worst, opens=opens, clicks=clicks, replies=replies)


_TEMPERS: dict[Story, _Temper] = {
    "healthy": _temper(0.90, 0.10, 0.75, 0.40, 0.40),
    "growing": _temper(0.95, 0.05, 0.85, 0.55, 0.55),
    "seasonal": _temper(0.70, 0.10, 0.60, 0.25, 0.35),
    "declining": _temper(0.40, 0.40, 0.40, 0.10, 0.12),
    "champion_leaves": _temper(0.35, 0.55, 0.30, 0.10, 0.10),
    "recovers": _temper(0.60, 0.00, 0.85, 0.55, 0.70),
    "leaves": _temper(0.12, 0.75, 0.35, 0.05, 0.08),
    "takes_off": _temper(0.93, 0.00, 0.85, 0.60, 0.50),
    "starts_slowly": _temper(0.65, 0.05, 0.70, 0.40, 0.40),
    "stalls": _temper(0.30, 0.35, 0.35, 0.10, 0.10),
}

_FORGOTTEN = 0.09
"""The share of tasks nobody ever settles."""
_DROPPED = 0.08
"""The share of drafts that their reviewer does not send."""
_ANSWERED = 0.75
"""The share of surveys that those answer who open the mail."""
_KEPT = 0.8
"""The share of promised references that are given."""
REFERENCES = ("reference_call", "public_review", "story")
"""Outcomes of a task that promise a reference."""


class People:
    """Pure, given the seed: the same question gets the same answer."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def task(
        self, *, account: str, playbook: str, step: str, outcomes: Sequence[str], created_at: datetime
    ) -> Answer | None:
        """When and how somebody settles the task; None: it is forgotten."""
        dice = chance(self.seed, account, playbook, step, created_at.date(), "task")
        if dice.random() < _FORGOTTEN:
            return None
        temper = _TEMPERS[story_of(self.seed, account)]
        outcome = outcomes[0]
        if outcome == SEND:  # a draft is judged by what it says, not by how the customer feels
            outcome = DROP if dice.random() < _DROPPED else SEND
        elif len(outcomes) > 1 and dice.random() >= temper.best:
            outcome = outcomes[-1] if dice.random() < temper.worst else dice.choice(outcomes[1:])
        hours = round(min(60.0, dice.lognormvariate(2.0, 0.8)), 1)
        return Answer(hours, outcome, dice.choice(NOTES.get(outcome, ("",))))

    def reference(self, *, account: str, kind: str, promised_at: datetime) -> timedelta | None:
        """How long after the promise a reference is given; None: never."""
        dice = chance(self.seed, account, kind, promised_at.date(), "reference")
        return timedelta(days=dice.randint(8, 40)) if dice.random() < _KEPT else None

    def survey(self, *, account: str, contact: str, step: str, sent_at: datetime, mood: float) -> Score | None:
        """What somebody answers, given how well it goes; None: nothing."""
        dice = chance(self.seed, account, contact, step, sent_at.date(), "survey")
        opens = _TEMPERS[story_of(self.seed, account)].opens
        if dice.random() >= opens * _ANSWERED:
            return None
        return Score(timedelta(minutes=round(dice.lognormvariate(5.5, 1.4))), nps_of(mood, dice))

    def mail(self, *, account: str, contact: str, step: str, sent_at: datetime) -> list[Reaction]:
        """What the reader does, in order; an empty list: nothing."""
        dice = chance(self.seed, account, contact, step, sent_at.date(), "mail")
        temper = _TEMPERS[story_of(self.seed, account)]
        opens, clicks, replies = (dice.random() for _ in range(3))
        if opens >= temper.opens:
            return []
        opened = timedelta(minutes=round(dice.lognormvariate(5.0, 1.2)))
        reactions = [Reaction("opened", opened)]
        if clicks < temper.clicks / temper.opens:
            reactions.append(Reaction("clicked", opened + timedelta(minutes=dice.randint(1, 20))))
        if replies < temper.replies / temper.opens:
            reactions.append(Reaction("replied", opened + timedelta(minutes=dice.randint(25, 2400))))
        return reactions
