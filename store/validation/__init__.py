"""Validates a scorecard over a past period: scores as known then, outcomes as known now, and what to mind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from engine.calendars import local_date, local_midnight
from engine.health.scorecards import Scorecard
from engine.validation.cautions import Caution, cautions, leaks, weights_of
from engine.validation.judgement import Judgement, judge
from engine.validation.looking_back import reads_contacts, remembered_fields
from engine.validation.outcome import CHURNED, outcome_of
from engine.validation.picture import BandRange
from engine.validation.timetable import Timetable, timetable
from engine.workspace import Workspace
from store.deployed import load_workspace
from store.forgetting import known_since
from store.schema import account, value_history
from store.validation.gathering import Asked, Gathered, Progress, Window, gather

_AGREE = 0.95
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What a card was worth over a period."""

    workspace: str
    card: str
    bands: tuple[BandRange, ...]
    """From the lowest."""
    churned: str
    """The condition whose becoming true counts as having left."""
    first: date
    last: date
    """The first and the last day of samples."""
    every_days: int
    horizon_days: int
    known_at: datetime
    """Outcomes are as known at this instant."""
    judgement: Judgement
    gone_unseen: int
    compared: int
    same: int
    acted_on: int
    """See `Gathered`."""
    cautions: tuple[Caution, ...]


def validate(
    conn: sa.Connection,
    now: datetime,
    *,
    card: str | None = None,
    first: date | None = None,
    last: date | None = None,
    horizon_days: int = 90,
    churned: str = CHURNED,
    progress: Progress = lambda _words: None,
) -> Validation:
    """The only card, where none is named; `progress` is told what has just been done.

    ValueError where there is no such card or nothing old enough; ExpressionError where `churned` is no condition.
    """
    whole = load_workspace(conn)
    cards = _cards(whole, card)
    outcome = outcome_of(whole, churned)
    known, today = _known_since(conn, whole, now), local_date(now, whole.zone)
    table = timetable(first, last, horizon_days, known, today)
    if not table.days:
        raise ValueError(_no_days(first, last, table, known, today))
    windows, midnights = _windows(table, whole.zone), _midnights(table, whole.zone)
    asked = Asked(whole=whole, cards=cards, outcome=outcome, windows=windows, days=midnights, known_at=now)
    gathered = gather(conn, asked, progress)
    judgement = judge(gathered.samples, [band for one in cards for band in one.bands], weights_of(cards))
    return Validation(
        workspace=whole.name,
        card=cards[0].id,
        bands=_ranges(cards),
        churned=outcome.condition.text,
        first=table.days[0],
        last=table.days[-1],
        every_days=table.every,
        horizon_days=table.horizon,
        known_at=now,
        judgement=judgement,
        gone_unseen=gathered.gone_unseen,
        compared=gathered.compared,
        same=gathered.same,
        acted_on=gathered.acted_on,
        cautions=(
            *cautions(judgement),
            *leaks(cards, whole, outcome),
            *_of_the_record(conn, whole, cards, table, gathered),
        ),
    )


def _cards(whole: Workspace, name: str | None) -> Sequence[Scorecard]:
    found = whole.cards()
    if not found:
        raise ValueError("the workspace has no scorecard")
    if name is None and len(found) > 1:
        raise ValueError(f"there are several scorecards; name one of {', '.join(found)}")
    if name is not None and name not in found:
        raise ValueError(f'there is no scorecard "{name}"; there is {", ".join(found)}')
    return found[name or next(iter(found))]


def _ranges(cards: Sequence[Scorecard]) -> tuple[BandRange, ...]:
    """Variants may draw the lines elsewhere; the first that has a band says where it lies."""
    found: dict[str, BandRange] = {}
    for name, span in ((band.name, band.range) for card in cards for band in card.bands):
        says = f"{span.low:g}..{'<' if span.below else ''}{span.high:g}"
        found.setdefault(name, BandRange(name=name, low=span.low, high=span.high, says=says))
    return tuple(sorted(found.values(), key=lambda band: band.low))


def _known_since(conn: sa.Connection, whole: Workspace, now: datetime) -> date:
    earliest = conn.execute(sa.select(sa.func.min(account.c.learned_at))).scalar()
    return local_date(max(earliest or now, known_since(conn, whole) or _EARLIEST), whole.zone)


def _no_days(first: date | None, last: date | None, table: Timetable, known: date, today: date) -> str:
    latest = today - timedelta(days=table.horizon)
    if first is not None and last is not None and first > last:
        return "the period ends before it begins"
    after = max(first or known, known)
    if after > latest:
        return f"{table.horizon} days after {after} are not over yet: the latest day to look at is {latest}"
    return f"no account was known before {known}, or not all of that is kept"


def _windows(table: Timetable, zone: str) -> list[Window]:
    horizon = timedelta(days=table.horizon)
    return [Window(at=local_midnight(day, zone), until=local_midnight(day + horizon, zone)) for day in table.days]


def _midnights(table: Timetable, zone: str) -> list[datetime]:
    count = (table.days[-1] - table.days[0]).days + table.horizon
    return [local_midnight(table.days[0] + timedelta(days=n), zone) for n in range(count + 1)]


def _of_the_record(
    conn: sa.Connection, whole: Workspace, cards: Sequence[Scorecard], table: Timetable, gathered: Gathered
) -> Iterator[Caution]:
    """What to mind because of how the facts and scores came to be kept."""
    if table.cut:
        says = f"the samples end on {table.days[-1]}: of later days, {table.horizon} days are not over yet"
        yield Caution(code="period_cut", says=says)
    if gathered.compared and gathered.same < _AGREE * gathered.compared:
        apart = gathered.compared - gathered.same
        says = (
            f"{apart:,} of {gathered.compared:,} scores differ from those recorded at the time: the card, or what it "
            "reads, was another then"
        )
        yield Caution(code="differs_from_recorded", says=says)
    older = sum(one.at < gathered.deployed_at for one in gathered.samples)
    if older:
        since = local_date(gathered.deployed_at, whole.zone)
        says = (
            f"the workspace was last deployed on {since}: whoever chose the weights may have known how "
            f"{older:,} of the {len(gathered.samples):,} samples came out"
        )
        yield Caution(code="card_younger_than_samples", says=says)
    if gathered.acted_on:
        says = f"after {gathered.acted_on:,} samples a playbook ran: whom it saved counts against the score"
        yield Caution(code="acted_on", says=says)
    fields = remembered_fields(cards, whole)
    if fields and _begins_late(conn, fields, local_midnight(table.days[0], whole.zone)):
        says = (
            f"the past of {', '.join(fields)} is recorded only since sweeps look at it; before, trends see too little"
        )
        yield Caution(code="past_not_recorded", says=says)
    if reads_contacts(cards, whole):
        says = "the card reads contacts, of which only the last version is kept: those told anew since are missing"
        yield Caution(code="contacts_have_no_past", says=says)


def _begins_late(conn: sa.Connection, fields: Sequence[str], at: datetime) -> bool:
    earliest = sa.select(sa.func.min(value_history.c.at)).where(value_history.c.field.in_(fields))
    begins: datetime | None = conn.execute(earliest).scalar()
    return begins is None or begins > at
