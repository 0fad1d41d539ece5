"""What happens at a customer's once in a while and is told as it happens: people leave, and somebody asks for seats."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from app.book.chance import chance
from app.book.companies import Company
from engine.facts import EventFact

Told = tuple[datetime, EventFact]
"""An event, and the instant it becomes known."""

_TOLD = 0.6
"""The share of departures that somebody tells us of; of the others, the CRM alone knows."""
_EXECUTIVES_LEAVE = 0.12
"""Chance of a company's executive to leave within the year that the book tells ahead."""
_REQUESTS = {"growing": 2, "healthy": 1}
"""How often a year people ask for seats at most, by story."""


def departure(seed: int, company: Company, role: str, day: date) -> Iterator[Told]:
    """Somebody tells us that a person of that role is gone, or nobody does."""
    if chance(seed, company.key, role, "told").random() < _TOLD:
        yield _event(company, _weekday(day), "person_left", {"role": role})


def executive_leaves(seed: int, company: Company, start: date) -> date | None:
    """The day on which the executive is gone; None for those who stay."""
    if all(contact.role != "exec" for contact in company.contacts):
        return None
    dice = chance(seed, company.key, "exec")
    return start + timedelta(days=dice.randint(3, 365)) if dice.random() < _EXECUTIVES_LEAVE else None


def seat_requests(seed: int, company: Company, first: date, last: date) -> Iterator[Told]:
    """People press the button in the product: where things go well, and some for a handful of seats only."""
    if company.segment == "self-serve":
        return
    dice = chance(seed, company.key, "seats")
    for year in range(((last - first).days + 364) // 365):
        for _ in range(_REQUESTS.get(company.mood.story, 0)):
            day = first + timedelta(days=365 * year + dice.randrange(365))
            seats = dice.choice((2, 3, 5, 8, max(10, company.seats // 10)))
            if day <= last and dice.random() < 0.6:
                yield _event(company, _weekday(day), "seat_request", {"seats": float(seats)})


def _event(company: Company, day: date, kind: str, props: dict[str, bool | float | str | None]) -> Told:
    at = datetime.combine(day, time(10, 30), UTC)
    return at, EventFact(type=kind, key=f"{company.key}/{kind}/{day}", account=company.key, at=at, props=props)


def _weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)
