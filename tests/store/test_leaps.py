"""A real clock that leaps: whatever decides, acts, sends or deletes waits for a person, and says so."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, EventFact, IncomingFact
from engine.turns.runtime import Act, Receipt
from store import clock
from store.deciding.sweep import dry_run, sweep
from store.forgetting import forget
from store.intake import take_in
from store.leaps import ClockLeapt, certain_now, certain_real_now, doubt
from store.running import ledger
from tests.store.world import START, World, workspace

DAY = timedelta(days=1)
TEXT = "name: Test\nevents: { usage: null }\nretention: { events: 60 days }\n"
DUE = "triggers: [{ date: account.renewal_date - 10 days }]"


@pytest.fixture
def world(database):
    """On the real clock, swept a moment ago; what happened there happened under the clock as it was then."""
    world = World(database, START)
    with world.tx() as conn:
        conn.execute(sa.text("delete from clock"))
    world.deploy(workspace(TEXT), due=DUE)
    with world.tx() as conn:
        told: list[IncomingFact] = [
            AccountFact(key="acme", fields={"account.name": "Acme"}),
            EventFact(type="usage", key="u", account="acme", at=datetime.now(UTC) - 90 * DAY),
        ]
        assert not take_in(conn, told, known_at=clock.now(conn)).problems
    sweep(world.engine, wait=True)
    yield world
    world.engine.dispose()


def last_sweep_was(world, ago):
    """The same as a leap of both clocks by so much since then."""
    with world.tx() as conn:
        conn.execute(sa.text("update sweep set at = now() - cast(:ago as interval)"), {"ago": ago})


def machine_shows(monkeypatch, shift):
    """This machine's clock, as PostgreSQL's stays right."""

    class Wrong(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) + shift

    monkeypatch.setattr(clock, "datetime", Wrong)


def swept(world, **said):
    report = sweep(world.engine, wait=True, **said)
    assert report is not None
    assert report.at is not None
    return report.at


def act(world):
    with world.tx() as conn:
        wanted = Act(step="t", path="steps[0]", verb="task", visit=1, seq=1, params={})
        ledger.once(conn, 1, wanted, lambda: Receipt(outcome="done"))


@pytest.mark.parametrize(
    "doing", [lambda w: sweep(w.engine, wait=True), lambda w: dry_run(w.engine), act, lambda w: forget(w.engine)]
)
@pytest.mark.parametrize("ago", [31 * DAY, 3650 * DAY, -2 * DAY])
def test_nothing_is_decided_done_or_deleted_by_a_clock_that_leapt(world, doing, ago):
    last_sweep_was(world, ago)
    with pytest.raises(ClockLeapt, match=r"the clock shows .* and the last sweep was for .* days"):
        doing(world)


@pytest.mark.parametrize("shift", [2 * timedelta(hours=1), -2 * timedelta(hours=1), 3650 * DAY])
def test_a_machine_whose_clock_is_not_postgresqls_decides_nothing(world, monkeypatch, shift):
    machine_shows(monkeypatch, shift)
    with pytest.raises(ClockLeapt, match=r"PostgreSQL's .*: one of them is wrong"):
        sweep(world.engine, wait=True)
    with pytest.raises(ClockLeapt, match="one of them is wrong"):
        # Nobody can say that it is right.
        sweep(world.engine, wait=True, after_outage=True)


def test_what_was_not_swept_stays_for_the_clock_that_is_right(world):
    last_sweep_was(world, 31 * DAY)
    with pytest.raises(ClockLeapt):
        sweep(world.engine, wait=True)
    last_sweep_was(world, DAY)
    assert swept(world) > datetime.now(UTC) - DAY


def test_a_person_says_that_nothing_ran_for_so_long(world):
    last_sweep_was(world, 40 * DAY)
    with world.engine.connect() as conn:
        assert "tenure sweep --after-outage" in (doubt(conn) or "")
    assert abs(swept(world, after_outage=True) - datetime.now(UTC)) < DAY
    with world.engine.connect() as conn:
        assert doubt(conn) is None
    assert swept(world)


@pytest.mark.parametrize("ago", [29 * DAY, timedelta(hours=-1)])
def test_a_machine_may_sleep_for_weeks_and_its_clock_be_set_back_by_an_hour(world, ago):
    last_sweep_was(world, ago)
    with world.engine.connect() as conn:
        now = certain_now(conn)
    # Sweeps never go back: they stand still until the clock is there again.
    assert swept(world) >= now


def test_a_virtual_clock_is_right_by_definition(world):
    last_sweep_was(world, 3650 * DAY)
    with world.tx() as conn:
        clock.set_virtual(conn, datetime(2126, 1, 1, tzinfo=UTC))
        assert certain_now(conn) == datetime(2126, 1, 1, tzinfo=UTC)


def test_what_goes_by_the_real_clock_beside_a_virtual_one_waits_for_the_machines_to_be_right(world, monkeypatch):
    with world.tx() as conn:
        clock.set_virtual(conn, datetime(2126, 1, 1, tzinfo=UTC))
        assert abs(certain_real_now(conn) - datetime.now(UTC)) < DAY
        machine_shows(monkeypatch, 3650 * DAY)
        with pytest.raises(ClockLeapt, match="one of them is wrong"):
            certain_real_now(conn)
