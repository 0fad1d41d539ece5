"""Everything about one customer that does not happen daily: contract, people, tickets, surveys, reviews, renewal.

Surveys and reviews are told of the past alone: from the start on, playbooks ask and people answer.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from app.book.chance import chance
from app.book.companies import Company, Contact
from app.book.occasions import departure, executive_leaves, seat_requests
from app.book.stories import nps_of
from engine.facts import AccountFact, ContactFact, IncomingFact, MetricFact, RecordFact

Dated = tuple[datetime, IncomingFact]
"""A fact, and the instant it becomes known."""

_DAY = timedelta(days=1)
_NPS_EVERY = 91
_TICKETS_EVERY = timedelta(hours=4)
"""The help desk's export."""
_REVIEW_EVERY = {"enterprise": 84, "mid-market": 126}


class Diary:
    """One company's entries from `first` to `last`; its days are worked out as far as somebody reads."""

    def __init__(self, seed: int, company: Company, start: date, first: date, last: date) -> None:
        opening = max(company.known, first)
        self._company, self._start, self._first, self._last = company, start, first, last
        self._until = min(last, company.churns or last)
        self._next = max(opening + _DAY, company.signup)
        self._dice = chance(seed, company.key, "diary")
        self._planned = [*_opening(company, opening), *_contract(seed, company, opening, self._until)]
        self._planned += _people(seed, company, start)
        self._planned += seat_requests(seed, company, max(opening, company.live), self._until)

    def read(self, until: date) -> list[Dated]:
        """What was not read yet of the days up to this one, in no particular order; some of it is known only later."""
        company, entries = self._company, self._planned
        self._planned = []
        while self._next <= min(until, self._until):
            day = self._next
            entries += _day(company, day, company.mood.on((day - self._start).days), self._dice, past=day < self._start)
            self._next = day + _DAY
        return [entry for entry in entries if self._first <= entry[0].date() <= self._last]


def _instant(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def _opening(company: Company, day: date) -> Iterator[Dated]:
    known = _instant(day, 7)
    fields: dict[str, list[str] | bool | float | str | None] = {
        "name": company.name,
        "segment": company.segment,
        "industry": company.industry,
        "lifecycle": "onboarding" if day < company.live else "live",
        "signup_date": company.signup.isoformat(),
        "renewal_date": company.renewal_after(max(day, company.signup)).isoformat(),
        "country": company.place.country,
        "zone": company.place.zone,
        "csm": company.csm,
    }
    yield known, AccountFact(key=company.key, fields=fields)
    for contact in company.contacts:
        if contact.role != "successor":
            yield known, _contact(company, contact, contact.role)
    yield known, _subscription(company, company.seats, known)


def _contact(company: Company, contact: Contact, role: str | None) -> ContactFact:
    """Without a role the person has left, and is not written to any more."""
    return ContactFact(
        account=company.key,
        key=contact.key,
        name=contact.name,
        first_name=contact.first_name,
        email=contact.email,
        roles=(role,) if role else (),
        zone=company.place.zone,
        do_not_contact=role is None,
    )


def _subscription(company: Company, seats: int, at: datetime, ends: datetime | None = None) -> RecordFact:
    return RecordFact(
        record="subscription",
        key=f"{company.key}/sub",
        account=company.key,
        starts_at=_instant(company.signup, 0),
        ends_at=ends,
        props={"seats": seats, "arr": company.arr * seats // company.seats, "billing": "annual"},
        at=at,
    )


def _contract(seed: int, company: Company, opening: date, until: date) -> Iterator[Dated]:
    dice = chance(seed, company.key, "contract")
    if opening < company.live <= until:
        yield _instant(company.live, 8), AccountFact(key=company.key, fields={"lifecycle": "live"})
    seats = company.seats
    renewal = company.renewal_after(max(opening, company.signup))
    while renewal <= until:
        if renewal == company.churns:
            gone = _instant(renewal, 9)
            yield gone, AccountFact(key=company.key, fields={"lifecycle": "churned"})
            yield gone, _subscription(company, seats, gone, ends=gone)
            return
        # Four of five sign in time; the others keep their CSM waiting.
        day = renewal + timedelta(days=dice.randint(2, 9) if dice.random() < 0.2 else -dice.randint(2, 24))
        signed = _instant(day, 14)
        following = company.renewal_after(renewal)
        yield signed, AccountFact(key=company.key, fields={"renewal_date": following.isoformat()})
        if company.mood.story == "growing":
            seats = round(seats * 1.25)
            yield signed, _subscription(company, seats, signed)
        renewal = following


def _people(seed: int, company: Company, start: date) -> Iterator[Dated]:
    """The champion leaves a few days before anybody notices; half of them are succeeded."""
    if (gone := executive_leaves(seed, company, start)) is not None:
        executive = next(c for c in company.contacts if c.role == "exec")
        yield _instant(gone, 10), _contact(company, executive, None)
        yield from departure(seed, company, "exec", gone)
    if company.mood.story != "champion_leaves":
        return
    dice = chance(seed, company.key, "people")
    champion, successor = (next(c for c in company.contacts if c.role == role) for role in ("champion", "successor"))
    noticed = _instant(start + timedelta(days=company.mood.turn + dice.randint(6, 14)), 10)
    yield noticed, _contact(company, champion, None)
    yield from departure(seed, company, "champion", noticed.date())
    if dice.random() < 0.5:
        yield noticed + timedelta(days=dice.randint(9, 25)), _contact(company, successor, "champion")


def _day(company: Company, day: date, mood: float, dice: Random, *, past: bool) -> Iterator[Dated]:
    since = (day - company.signup).days
    if day.day == 1:
        used = round(company.seats * min(1.0, 0.25 + 0.8 * mood))
        yield _instant(day, 2), MetricFact(account=company.key, metric="seats_used", value=used)
    if since % _NPS_EVERY == 60 and dice.random() < 0.75:
        answer = nps_of(mood, dice)
        if past:
            yield _instant(day, 12), MetricFact(account=company.key, metric="nps", value=answer)
    every = _REVIEW_EVERY.get(company.segment)
    if every and since >= every and since % every == 0 and dice.random() < 0.35 + 0.6 * mood and past:
        yield _instant(day, 15), AccountFact(key=company.key, fields={"last_qbr": day.isoformat()})
    busy = 0.022 if company.segment == "self-serve" else 0.04
    if day.weekday() < 5 and dice.random() < busy * (1.7 - mood):
        yield from _ticket(company, day, mood, dice)


def _ticket(company: Company, day: date, mood: float, dice: Random) -> Iterator[Dated]:
    opened = _instant(day, dice.randint(7, 15), dice.randint(0, 59))
    closed = opened + timedelta(hours=dice.randint(3, 30) + round(90 * (1 - mood) * dice.random()))
    urgent = dice.random() < 0.3 - 0.2 * mood
    props: dict[str, bool | float | str | None] = {
        "priority": "high" if urgent else dice.choice(("low", "normal", "normal")),
        "escalated": urgent and dice.random() < 0.5,
    }
    ticket = RecordFact(
        record="ticket",
        key=f"{company.key}/{opened:%Y%m%d%H%M}",
        account=company.key,
        starts_at=opened,
        props=props,
        at=opened,
    )
    yield _next_export(opened), ticket
    answered = dice.random() < 0.6
    satisfaction = float(round(min(5.0, max(1.0, 1.6 + 3.6 * mood + dice.gauss(0, 0.5))))) if answered else None
    yield (
        _next_export(closed),
        ticket.model_copy(update={"ends_at": closed, "at": closed, "props": props | {"satisfaction": satisfaction}}),
    )


def _next_export(at: datetime) -> datetime:
    """When the help desk's next export tells of it."""
    midnight = datetime.combine(at.date(), time(), UTC)
    return midnight - (midnight - at) // _TICKETS_EVERY * _TICKETS_EVERY
