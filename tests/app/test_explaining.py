"""What `tenure explain` says of days: by the clock of the account."""

from datetime import UTC, datetime

from app.commands.explain import _remembers
from store.explain.playbooks import TriggerExplained


def coming(at: datetime, zone: str) -> str:
    trigger = TriggerExplained(id="t", kind="moment", says="90 days before", memory="coming", due_at=at)
    return _remembers(trigger, zone)


def test_a_date_comes_on_the_day_that_begins_there():
    midnight = datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert coming(midnight, "Europe/Berlin") == "comes on 2026-12-01 Europe/Berlin"
    assert coming(midnight, "America/New_York") == "comes on 2026-11-30 18:00 America/New_York"
