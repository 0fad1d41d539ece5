"""Gathers what a scorecard is judged by: scores recomputed as known at past instants, and who left after each.

Recomputed, not looked up: recorded scores are there only for days that were swept, and come from whatever card was
deployed then. Where a sweep did record one, the two are compared.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from engine.calendars import local_date
from engine.health.scorecards import Scorecard
from engine.validation import Outcome, Part, Sample
from engine.workspace import Workspace
from store.current.ageing import due_accounts
from store.current.contributions import contributions_of
from store.current.past import Past, looking_back
from store.current.sight import Sight
from store.schema import run, score, sweep, workspace

Progress = Callable[[str], None]
"""Is told, in words, what has just been done."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A sample's instant, and the end of the horizon after it."""

    at: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Samples, and what else there is to know about them."""

    samples: tuple[Sample, ...]
    gone_unseen: int
    """Not among the samples: accounts that had left by then, though nobody knew yet."""
    compared: int
    """Samples of accounts of which a sweep had recorded by then what it made of their score."""
    same: int
    """Those of them that it saw as they are recomputed now."""
    acted_on: int
    """Samples in whose horizon some playbook began to run for the account."""
    deployed_at: datetime
    """When the workspace, and with it the card, was deployed last."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """An account that the card applies to, as it was known at an instant."""

    account: int
    score: float | None
    band: str | None
    contributions: Sequence[Mapping[str, Any]]
    gone: bool


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Of which card, for which instants, against what."""

    whole: Workspace
    cards: Sequence[Scorecard]
    """The variants of one id."""
    outcome: Outcome
    windows: Sequence[Window]
    """Rising, at least one."""
    days: Sequence[datetime]
    """The instants at which it is looked who has left: rising, from the first window to the end of the last."""
    known_at: datetime
    """Outcomes are as known at this instant."""

    @property
    def card(self) -> str:
        return self.cards[0].id


def gather(conn: sa.Connection, asked: Asked, progress: Progress) -> Gathered:
    zone = asked.whole.zone
    with looking_back(conn) as past:
        past.make_columns(asked.whole)
        seen: dict[datetime, list[_Seen]] = {}
        for window in asked.windows:
            seen[window.at] = _seen(conn, past, asked, window.at)
            progress(f"{local_date(window.at, zone)}  {len(seen[window.at]):,} accounts")
        progress(f"looking day by day who had left, until {local_date(asked.days[-1], zone)}")
        turns = _turns(conn, past, asked)
    runs = _runs(conn, asked.windows)
    samples: list[Sample] = []
    gone_unseen = acted_on = 0
    for window in asked.windows:
        for one in seen[window.at]:
            mine = turns.get(one.account, _Turns())
            if one.gone or mine.is_gone(window.at):
                gone_unseen += not one.gone
                continue
            samples.append(_sample(one, window, churned=mine.goes(window)))
            acted_on += any(window.at < at <= window.until for at in runs.get(one.account, ()))
    told = [pair for window in asked.windows for pair in _told_and_made(conn, asked.card, window.at, samples)]
    return Gathered(
        samples=tuple(samples),
        gone_unseen=gone_unseen,
        compared=len(told),
        same=sum(then == made for then, made in told),
        acted_on=acted_on,
        deployed_at=conn.execute(sa.select(workspace.c.deployed_at)).scalar_one(),
    )


def _told_and_made(
    conn: sa.Connection, card: str, at: datetime, samples: Sequence[Sample]
) -> list[tuple[float | None, float | None]]:
    """Scores as recorded up to an instant, each beside what is made of it now."""
    made = {one.account: one.score for one in samples if one.at == at}
    return [(then, made[account]) for account, then in _recorded(conn, card, at) if account in made]


def _sample(one: _Seen, window: Window, *, churned: bool) -> Sample:
    parts = {
        part["id"]: Part(points=part["points"], weight=part["weight"], known=part["state"] == "known")
        for part in one.contributions
    }
    return Sample(account=one.account, at=window.at, score=one.score, band=one.band, churned=churned, parts=parts)


# --- scores as known then -------------------------------------------------------------------------------------------


def _seen(conn: sa.Connection, past: Past, asked: Asked, at: datetime) -> list[_Seen]:
    whole, cards, outcome = asked.whole, asked.cards, asked.outcome
    past.know(at)
    past.project_all(whole, at)
    sight = Sight(conn, whole, at)
    conditions = [card.applies_to for card in cards]
    applies = sa.or_(
        sa.false(), *(sa.true() if condition is None else sight.truth(condition) for condition in conditions)
    )
    mine = sa.and_(score.c.account_id == sight.account_id, score.c.card == asked.card)
    query = (
        sa.select(
            sight.account_id.label("account"),
            sight.field(f"{asked.card}.score").label("score"),
            sight.field(f"{asked.card}.band").label("band"),
            contributions_of().label("contributions"),
            sa.func.coalesce(sight.truth(outcome.condition), sa.false()).label("gone"),
        )
        .select_from(sight.source.outerjoin(score, mine))
        .where(applies)
        .order_by(sight.account_id)
    )
    return [
        _Seen(account=row.account, score=row.score, band=row.band, contributions=row.contributions or (), gone=row.gone)
        for row in conn.execute(query)
    ]


def _recorded(conn: sa.Connection, card: str, at: datetime) -> list[tuple[int, float | None]]:
    """What the last sweep up to then had written of each account's score; what a person set is no card's."""
    if not conn.execute(sa.select(sa.exists().where(sweep.c.at <= at))).scalar_one():
        return []
    latest = (
        sa.select(score.c.account_id, score.c.value, score.c.override_id)
        .ext(distinct_on(score.c.account_id))
        .where(score.c.card == card, score.c.at <= at)
        .order_by(score.c.account_id, score.c.at.desc(), score.c.id.desc())
    )
    return [(row.account_id, row.value) for row in conn.execute(latest) if row.override_id is None]


# --- who left, as known now -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Turns:
    """When an account was seen to turn: to gone, back, to gone again."""

    at: tuple[datetime, ...] = ()
    gone: tuple[bool, ...] = ()

    def is_gone(self, at: datetime) -> bool:
        place = bisect_right(self.at, at)
        return place > 0 and self.gone[place - 1]

    def goes(self, window: Window) -> bool:
        return any(gone and window.at < at <= window.until for at, gone in zip(self.at, self.gone, strict=True))

    def then(self, at: datetime, *, gone: bool) -> "_Turns":
        return _Turns((*self.at, at), (*self.gone, gone))


def _turns(conn: sa.Connection, past: Past, asked: Asked) -> Mapping[int, _Turns]:
    """Day by day; on each only those accounts are looked at for which something may have changed."""
    outcome = asked.outcome
    past.know(asked.known_at, outcome.events)
    small, condition = outcome.workspace, outcome.condition
    turns: dict[int, _Turns] = {}
    before: datetime | None = None
    for at in asked.days:
        if before is None:
            past.project_all(small, at)
            looked_at: Sequence[int] | None = None
        else:
            due = due_accounts(conn, small, before, at, [condition.expression])
            looked_at = past.project_some(small, due, at)
        if looked_at is None or looked_at:
            for account, gone in _gone(conn, small, outcome, at):
                mine = turns.get(account, _Turns())
                if gone is not (bool(mine.gone) and mine.gone[-1]):
                    turns[account] = mine.then(at, gone=gone)
        before = at
    return turns


def _gone(conn: sa.Connection, small: Workspace, outcome: Outcome, at: datetime) -> Iterable[tuple[int, bool]]:
    """Of the accounts in work."""
    sight = Sight(conn, small, at)
    work = sa.table("work", sa.column("account_id", sa.BigInteger))
    truth = sa.func.coalesce(sight.truth(outcome.condition), sa.false())
    found = sa.select(sight.account_id, truth).join_from(sight.source, work, work.c.account_id == sight.account_id)
    return [(row[0], row[1]) for row in conn.execute(found)]


# --- what else there is to know -------------------------------------------------------------------------------------


def _runs(conn: sa.Connection, windows: Sequence[Window]) -> Mapping[int, Sequence[datetime]]:
    within = run.c.started_at.between(windows[0].at, windows[-1].until)
    found: dict[int, list[datetime]] = {}
    for row in conn.execute(sa.select(run.c.account_id, run.c.started_at).where(within)):
        found.setdefault(row.account_id, []).append(row.started_at)
    return found
