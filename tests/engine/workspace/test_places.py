"""An account's days are those of its zone, its business days those of its country, or else of the workspace."""

from datetime import UTC, date, datetime

import pytest

from engine.calendars import add, is_business_day
from engine.durations import parse_duration
from engine.workspace import Workspace, load_workspace
from engine.workspace.places import place_of

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)


def workspace(calendar: str) -> Workspace:
    return load_workspace({"tenure.yaml": f"name: Places\nzone: Europe/Berlin\n{calendar}\n".encode()})


@pytest.mark.parametrize(
    ("calendar", "country", "day", "worked"),
    [
        ("calendar: { country: DE }", None, "2026-04-06", False),  # Easter Monday
        ("calendar: { country: DE }", "US", "2026-04-06", True),
        ("calendar: { country: DE }", "US", "2026-07-03", False),  # Independence Day, observed
        ("calendar: { country: DE }", "DE", "2026-07-03", True),
        ("calendar: { country: DE }", "XX", "2026-04-06", False),  # no such country: the workspace's
        ("calendar: { country: DE, subdivision: BY }", None, "2026-06-04", False),  # Corpus Christi in Bavaria
        ("calendar: { country: DE, subdivision: BY }", "DE", "2026-06-04", False),
        ("calendar: { country: DE, subdivision: BY }", "AT", "2026-10-26", False),  # Austria's national day
        ("calendar: { country: DE }", "IL", "2026-04-19", True),  # Sunday is worked there
        ("calendar: { country: DE }", "IL", "2026-04-17", False),  # and Friday is not
        ("calendar: { country: DE, weekend: [friday, saturday] }", None, "2026-04-19", True),
        ("calendar: { country: DE, weekend: [friday, saturday] }", "FR", "2026-04-19", False),
        ("", None, "2026-04-06", True),  # no calendar: weekends only
        ("", "DE", "2026-04-06", False),
    ],
)
def test_business_days_are_of_the_accounts_country(calendar: str, country: str | None, day: str, worked: bool):
    place = place_of(workspace(calendar), None, country, NOW)
    assert is_business_day(date.fromisoformat(day), place) is worked


@pytest.mark.parametrize(
    ("zone", "found"),
    [(None, "Europe/Berlin"), ("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", "Europe/Berlin"), ("", "Europe/Berlin")],
)
def test_a_zone_that_does_not_exist_is_the_workspaces(zone: str | None, found: str):
    assert place_of(workspace(""), zone, None, NOW).zone == found


@pytest.mark.parametrize(
    ("now", "by", "expected"),
    [
        ("2026-12-23T09:00:00+00:00", "3 business days", "2026-12-29T09:00:00+00:00"),  # over Christmas
        ("2027-01-04T09:00:00+00:00", "-3 business days", "2026-12-29T09:00:00+00:00"),  # back over New Year
    ],
)
def test_holidays_are_known_across_the_turn_of_the_year(now: str, by: str, expected: str):
    at = datetime.fromisoformat(now)
    place = place_of(workspace("calendar: { country: DE }"), None, None, at)
    assert add(at, parse_duration(by, signed=True), place) == datetime.fromisoformat(expected)
