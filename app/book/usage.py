"""What a customer's people did in the product on one day: one event, or none."""

from datetime import UTC, date, datetime, time
from functools import cache
from zoneinfo import ZoneInfo

from app.book.chance import chance
from app.book.companies import Company
from engine.facts import EventFact

FEATURES = ("weekly plan", "shared calendar", "field checklists", "weekly report", "materials", "time sheets", "map")

_SEEN = 0.78
"""The share of seats in use on a good day in a company that could not be better."""
_WARM_UP = 20
"""Days until an established customer's team had found its way."""


def usage_on(seed: int, company: Company, day: date, start: date) -> EventFact | None:
    """The day's use; it is exported the night after."""
    weekday = day.weekday()
    if (weekday >= 5 and not (company.saturdays and weekday == 5)) or not _in_contract(company, day):
        return None
    dice = chance(seed, company.key, day)
    mood = company.mood.on((day - start).days) * _warmth(company, day)
    crew = 0.25 if weekday == 5 else 1.0
    users = round(company.seats * min(1.0, _SEEN * mood * crew * dice.uniform(0.88, 1.12)))
    if users == 0:
        return None
    breadth = 1 + round(5.4 * mood)
    plans = users / 14 * (0.6 + 0.6 * mood)
    return EventFact(
        type="login",
        key=f"{company.key}/{day}",
        account=company.key,
        at=datetime.combine(day, time(17), _zone(company.place.zone)).astimezone(UTC),
        props={
            "users": float(users),
            "plans": float(int(plans) + (dice.random() < plans % 1)),
            "feature": FEATURES[dice.randrange(min(breadth, len(FEATURES)))],
        },
    )


def _in_contract(company: Company, day: date) -> bool:
    return company.signup <= day and company.known <= day and (company.churns is None or day < company.churns)


def _warmth(company: Company, day: date) -> float:
    if company.mood.story in ("takes_off", "starts_slowly", "stalls"):
        return 1.0  # their stories begin with the signature
    return min(1.0, max(0.0, (day - company.signup).days / _WARM_UP))


@cache
def _zone(name: str) -> ZoneInfo:
    # ZoneInfo's own cache keeps eight; a book has more, and asks for each every day.
    return ZoneInfo(name)
