"""The reader's day, and the moments that a snooze may end at, in the zone that pages show times in."""

from datetime import date, datetime, time, timedelta

from engine.calendars import at_wall, local_date, local_midnight
from store.queries.inbox import Today

SNOOZES = (
    ("hours", "In three hours"),
    ("tomorrow", "Tomorrow morning"),
    ("monday", "On Monday"),
    ("week", "In a week"),
    ("month", "In a month"),
)
_MORNING = time(8)


def today_of(now: datetime, zone: str) -> Today:
    day = local_date(now, zone)
    return Today(now=now, date=day, ends=local_midnight(day + timedelta(days=1), zone))


def snooze_until(choice: str, day: str, now: datetime, zone: str) -> datetime | None:
    """What one of `SNOOZES`, or a date, comes to; None for anything else, and for what is not ahead."""
    today = local_date(now, zone)
    if day:
        try:
            wanted = date.fromisoformat(day)
        except ValueError:
            return None
        return _morning(wanted, zone) if today < wanted < today + timedelta(days=400) else None
    if choice == "hours":
        return now + timedelta(hours=3)
    ahead = {"tomorrow": 1, "monday": 7 - today.weekday(), "week": 7, "month": 30}.get(choice)
    return _morning(today + timedelta(days=ahead), zone) if ahead else None


def midnight_of(day: str, zone: str) -> datetime | None:
    """When a day, as a form sends it, begins; None for what is no day."""
    try:
        return local_midnight(date.fromisoformat(day), zone)
    except (ValueError, OverflowError):
        return None


def _morning(day: date, zone: str) -> datetime:
    return at_wall(datetime.combine(day, _MORNING), zone)
