"""Triggers over many accounts cross exactly when the state machine says, whatever SQL does on the way."""

import itertools
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts import AccountFact, MetricFact
from engine.triggers.memory import UNSEEN, advance
from store.deciding.sweep import sweep
from tests.store.world import DAY, FALLS, World

DWELLS = FALLS + "    for: 2 days\n"
DATE = "triggers: [{{ date: '{date}', grace: {grace} }}]"
NEVER = 'audience: account.segment == "never"\n'


@pytest.fixture
def world(database):
    return World(database)


def reasons(world):
    return [reasons for (reasons,) in world.rows("select reasons from crossing order by id")]


def test_a_reason_says_what_was_read(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.day(nps=50.0)
    (reason,) = reasons(world)[0]
    assert (reason["kind"], reason["says"], reason["values"]) == ("edge", "nps fell below 60", {"metric.nps": 50.0})


def test_a_drop_says_from_where(world):
    world.deploy(risk="triggers: [{ metric: nps, drops_by: 15, within: 14 days }]")
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.day(nps=70.0)
    assert world.day(nps=65.0).crossings == 1
    (reason,) = reasons(world)[0]
    assert reason["values"] == {"metric.nps": 65.0, "highest(metric.nps, 14 days)": 80.0}


def test_two_triggers_in_one_sweep_are_one_crossing_with_both_reasons(world):
    world.deploy(risk=FALLS + "  - metric: usage\n    falls_below: 10\n")
    world.account("acme", name="Acme")
    world.day(nps=80.0, usage=80.0)
    assert world.day(nps=50.0, usage=5.0).crossings == 1
    assert [len(one) for one in reasons(world)] == [2]


def test_a_new_account_that_is_low_already_is_existing(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    assert world.day(nps=50.0).crossings == 0
    assert world.day(nps=70.0).crossings == 0
    assert world.day(nps=50.0).crossings == 1


def test_existing_ones_start_where_the_author_includes_them(world):
    world.deploy(risk='audience: account.segment == "big"\nentry: { existing: include }' + FALLS)
    for key, segment in (("acme", "big"), ("bee", "small")):
        world.account(key, segment=segment)
        world.metric(key, "nps", 50.0)
    world.sweep()
    assert world.crossings() == [("acme", "risk", "started", None)]


def test_a_crossing_outside_the_audience_is_explained_and_joining_later_is_none(world):
    world.deploy(risk='audience: account.segment == "big"' + FALLS)
    world.account("acme", segment="small")
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.account("acme", segment="big")
    world.day(nps=50.0)
    ((_, _, state, why),) = world.crossings()
    assert state == "not_started"
    assert why.startswith("outside the audience: ")


def test_the_audience_is_asked_when_the_dwell_ends(world):
    world.deploy(risk='audience: account.segment == "big"' + DWELLS)
    world.account("acme", segment="small")
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.account("acme", segment="big")
    assert world.day().crossings == 0
    assert world.day().started == 1


def test_a_dwell_fires_in_the_sweep_after_it_is_due_without_any_news(world):
    world.deploy(risk=DWELLS)
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.day(nps=50.0)
    assert [world.day().crossings for _ in range(4)] == [0, 1, 0, 0]
    assert world.rows("select count(*) from trigger_hold") == [(0,)]


VALUES = st.sampled_from([None, 50.0, 62.0, 80.0])
DAYS = 7
HISTORIES = st.lists(st.tuples(*([VALUES] * DAYS)), min_size=10, max_size=30)


def machine(history, *, dwell):
    memory, fired = UNSEEN, []
    for day, value in enumerate(history):
        memory, happened = advance(
            memory,
            trips=None if value is None else value < 60,
            rearms=None if value is None else value >= 68,
            now=START_OF_DAYS[day],
            due=START_OF_DAYS[day] + dwell if dwell else None,
        )
        fired += [day] if happened == "fired" else []
    return fired


START_OF_DAYS: list[datetime] = []
_batch = itertools.count()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories=HISTORIES)
def test_many_accounts_cross_when_the_state_machine_says(world, histories):
    batch = next(_batch)
    if not world.rows("select 1 from playbook"):
        # Nobody is in the audience, so crossings are all that happens.
        world.deploy(plain=NEVER + FALLS, slow=NEVER + DWELLS)
    keys = [f"{batch}-{i}" for i in range(len(histories))]
    world.tell(*(AccountFact(key=key, fields={}) for key in keys))
    START_OF_DAYS.clear()
    for day in range(DAYS):
        world.pass_time(DAY)
        world.tell(
            *(MetricFact(account=key, metric="nps", value=one[day]) for key, one in zip(keys, histories, strict=True))
        )
        START_OF_DAYS.append(world.now)
        sweep(world.engine)
    query = """select a.key, c.playbook, c.at from crossing c join account a on a.id = c.account_id
        where a.key like :batch order by c.at"""
    found: dict[tuple[str, str], list[int]] = {}
    for key, playbook, at in world.rows(query, batch=f"{batch}-%"):
        found.setdefault((key, playbook), []).append(START_OF_DAYS.index(at))
    for key, history in zip(keys, histories, strict=True):
        assert found.get((key, "plain"), []) == machine(history, dwell=None), history
        assert found.get((key, "slow"), []) == machine(history, dwell=2 * DAY), history


# --- moments ---------------------------------------------------------------------------------------------------------


def test_a_date_trigger_fires_in_the_sweep_after_local_midnight_and_once(world):
    world.deploy(renewal=DATE.format(date="account.renewal_date - 10 days", grace="0 days"))
    world.account("acme", renewal_date="2026-03-14", zone="Pacific/Auckland")
    world.account("bee", renewal_date="2026-03-14", zone="America/New_York")
    world.sweep()
    looked = []
    # 4 March begins on the 3rd at 11:00 UTC in Auckland, and on the 4th at 05:00 UTC in New York.
    for hours in (25, 2, 15, 4, 24):
        world.pass_time(timedelta(hours=hours))
        world.sweep()
        looked.append([key for key, *_ in world.crossings()])
    assert looked == [[], ["acme"], ["acme"], ["acme", "bee"], ["acme", "bee"]]


def test_a_moved_date_is_a_new_date(world):
    world.deploy(renewal=DATE.format(date="account.renewal_date - 10 days", grace="0 days"))
    world.account("acme", renewal_date="2026-03-13")
    world.sweep()
    assert world.day().started == 1
    world.account("acme", renewal_date="2026-03-14")
    assert world.day().crossings == 1
    assert world.day().crossings == 0
    assert [one[0]["values"] for one in reasons(world)] == [
        {"account.renewal_date": "2026-03-13"},
        {"account.renewal_date": "2026-03-14"},
    ]


@pytest.mark.parametrize(("grace", "crossings"), [("0 days", 0), ("3 days", 0), ("5 days", 1)])
def test_a_date_learned_late_fires_within_its_grace(world, grace, crossings):
    world.deploy(renewal=DATE.format(date="account.renewal_date", grace=grace))
    for _ in range(8):
        world.pass_time()
    world.account("acme", renewal_date="2026-03-06")
    assert world.sweep().crossings == crossings
    assert world.day().crossings == 0


def test_a_moment_before_the_trigger_lived_never_fires(world):
    world.account("acme", renewal_date="2026-03-01")
    world.deploy(renewal=DATE.format(date="account.renewal_date", grace="30 days"))
    assert [world.day().crossings for _ in range(3)] == [0, 0, 0]


def test_a_moment_missed_while_nobody_swept_fires_when_somebody_does(world):
    world.deploy(renewal=DATE.format(date="account.renewal_date", grace="0 days"))
    world.account("acme", renewal_date="2026-03-06")
    world.sweep()
    for _ in range(20):
        world.pass_time()
    assert world.sweep().started == 1


def test_dates_at_the_end_of_the_calendar_never_come(world):
    world.deploy(renewal=DATE.format(date="account.renewal_date + 1 year", grace="0 days"))
    world.account("acme", renewal_date="9999-12-31")
    assert [world.day().crossings for _ in range(2)] == [0, 0]
