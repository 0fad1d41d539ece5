"""Where an account is: its zone, and the business days of its country, or else of the workspace."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from engine.calendars import Place, has_holidays, holidays_of, is_zone, weekend_of
from engine.workspace.model import Calendar, Workspace

_AHEAD = timedelta(days=400)
"""How far holidays are known; the longest a run lives by default. They are known a year back as well."""


def place_of(workspace: Workspace, zone: str | None, country: str | None, now: datetime) -> Place:
    """The place of an account that tells this zone and country; what is missing or not real is the workspace's."""
    here = zone if zone is not None and is_zone(zone) else workspace.zone
    years = (now.year - 1, (now + _AHEAD).year)
    return _place(here, _calendar(workspace.calendar, country), *years)


@lru_cache(maxsize=1024)
def _calendar(own: Calendar, country: str | None) -> Calendar:
    """The workspace's own calendar also speaks for its country: it may name a subdivision, or another weekend."""
    if country is None or country == own.country or not has_holidays(country):
        return own
    return Calendar(country=country, weekend=weekend_of(country))


@lru_cache(maxsize=4096)
def _place(zone: str, calendar: Calendar, first: int, last: int) -> Place:
    days: tuple[date, ...] = ()
    if calendar.country:
        days = _holidays(calendar.country, calendar.subdivision, first, last)
    return Place(zone=zone, country=calendar.country, weekend=calendar.weekend, holidays=days)


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str | None, first: int, last: int) -> tuple[date, ...]:
    return holidays_of(country, subdivision, range(first, last + 1))
