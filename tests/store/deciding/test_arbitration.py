"""Who starts when several want to, when something is in the way, and when it goes. I1 and I2 hold on every road in."""

import pytest
import sqlalchemy as sa

from store.deciding.enrolment import enrol
from store.deploying.deploy import pause, resume, switch_off
from tests.store.world import DAY, FALLS, World

HAND = "triggers: [{ manual: true }]\n"


@pytest.fixture
def world(database):
    return World(database)


def settle(world, **fields):
    world.account("acme", **({"name": "Acme"} | fields))
    world.day(nps=80.0)


def states(world):
    return [(playbook, state) for _, playbook, state, _ in world.crossings()]


def start_by_hand(world, playbook, key="acme"):
    with world.tx() as conn:
        return enrol(conn, playbook, key, by="kim")


# --- what is in the way ----------------------------------------------------------------------------------------------


def test_a_second_crossing_while_running_does_not_start(world):
    world.deploy(risk=FALLS)
    settle(world)
    world.day(nps=50.0)
    world.day(nps=80.0)
    world.day(nps=50.0)
    assert world.crossings()[1][2:] == ("not_started", "already running (run 1 of risk)")


def test_a_cool_down_holds_and_the_crossing_starts_when_it_ends(world):
    world.deploy(risk="entry: { again_after: 5 days }\n" + FALLS)
    settle(world)
    world.day(nps=50.0)
    world.end(1)
    world.day(nps=80.0)
    world.day(nps=50.0)
    assert states(world) == [("risk", "started"), ("risk", "held")]
    assert [world.day().started for _ in range(4)] == [0, 0, 1, 0]
    assert [run[0] for run in world.runs()] == [1, 2]


def test_a_held_crossing_lapses_once_the_account_has_recovered(world):
    world.deploy(risk="entry: { again_after: 50 days }\n" + FALLS)
    settle(world)
    world.day(nps=50.0)
    world.end(1)
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.day(nps=64.0)
    assert states(world)[1] == ("risk", "held"), "better, but not recovered: the episode goes on"
    world.day(nps=80.0)
    assert world.crossings()[1][2:] == ("lapsed", "recovered before it could start")


def test_a_data_gap_keeps_a_held_crossing(world):
    world.deploy(risk="entry: { again_after: 3 days }\n" + FALLS)
    settle(world)
    world.day(nps=50.0)
    world.end(1)
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.day(nps=None)
    world.day()
    assert states(world)[1] == ("risk", "held")
    assert world.day(nps=50.0).started == 1


def test_crossings_may_be_dropped_instead_of_held(world):
    world.deploy(risk="entry: { again_after: 5 days, held: drop }\n" + FALLS)
    settle(world)
    world.day(nps=50.0)
    world.end(1)
    world.day(nps=80.0)
    world.day(nps=50.0)
    assert states(world)[1] == ("risk", "dropped")
    for _ in range(6):
        world.day()
    assert len(world.runs()) == 1


def test_a_goal_reached_already_does_not_start(world):
    world.deploy(risk=FALLS + "goal: { when: account.arr > 10 }\n")
    settle(world, arr=100.0)
    world.day(nps=50.0)
    assert world.crossings()[0][2:] == ("not_started", "the goal is reached already: account.arr > 10")


# --- groups ----------------------------------------------------------------------------------------------------------

LOW, HIGH = "priority: 10\n", "priority: 90\n"
GROUP = "entry: {{ exclusive: attention, on_conflict: {0} }}\n"


def test_of_two_that_cross_together_the_higher_priority_starts(world):
    world.deploy(a=LOW + GROUP.format("wait") + FALLS, b=HIGH + GROUP.format("wait") + FALLS)
    settle(world)
    report = world.day(nps=50.0)
    assert (report.started, report.held) == (1, 1)
    assert [run[2] for run in world.runs()] == ["b"]
    world.end(1)
    assert world.sweep().started == 1
    assert [(run[2], run[3]) for run in world.runs()] == [("b", "ended"), ("a", "open")]


def test_the_group_may_be_skipped(world):
    world.deploy(a=LOW + GROUP.format("skip") + FALLS, b=HIGH + GROUP.format("wait") + FALLS)
    settle(world)
    assert world.day(nps=50.0).not_started == 1


def test_a_higher_priority_replaces_and_starts_when_the_other_has_ended(world):
    world.deploy(a=LOW + GROUP.format("wait") + HAND, b=HIGH + GROUP.format("replace") + FALLS)
    settle(world)
    start_by_hand(world, "a")
    world.day(nps=50.0)
    world.day(usage=1.0)
    world.day(usage=2.0)
    assert world.told(1) == [("end", "stop", {"reason": "replaced by b"})], "told once"
    assert [run[2] for run in world.runs()] == ["a"]
    world.end(1, "stop", "replaced by b")
    world.sweep()
    assert [(run[2], run[3]) for run in world.runs()] == [("a", "ended"), ("b", "open")]


def test_a_lower_priority_never_replaces(world):
    world.deploy(a=HIGH + GROUP.format("wait") + HAND, b=LOW + GROUP.format("replace") + FALLS)
    settle(world)
    start_by_hand(world, "a")
    world.day(nps=50.0)
    assert world.told(1) == []
    assert world.crossings()[1][2] == "held"


# --- keys ------------------------------------------------------------------------------------------------------------

KEYED = "entry: { key: account.renewal_date }\n"


def test_another_term_is_another_enrolment(world):
    world.deploy(renew=KEYED + FALLS)
    settle(world, renewal_date="2026-06-30")
    world.day(nps=50.0)
    world.account("acme", renewal_date="2027-06-30")
    world.day(nps=80.0)
    assert world.day(nps=50.0).started == 1
    assert world.rows("select entry_key from run order by id") == [("2026-06-30",), ("2027-06-30",)]


def test_a_date_that_moves_within_the_term_takes_the_open_run_along(world):
    world.deploy(renew=KEYED + FALLS)
    settle(world, renewal_date="2026-06-30")
    world.day(nps=50.0)
    world.account("acme", renewal_date="2026-07-15")
    world.day(nps=80.0)
    assert world.day(nps=50.0).not_started == 1
    assert world.rows("select entry_key from run order by id") == [("2026-07-15",)]


def test_an_unknown_key_does_not_start(world):
    world.deploy(renew=KEYED + FALLS)
    settle(world)
    world.day(nps=50.0)
    assert world.crossings()[0][2:] == ("not_started", "account.renewal_date is unknown")


# --- the life of a playbook ------------------------------------------------------------------------------------------


def test_while_paused_crossings_are_held_and_start_on_resume(world):
    world.deploy(risk=FALLS)
    settle(world)
    with world.tx() as conn:
        pause(conn, "risk")
    world.day(nps=50.0)
    assert world.crossings()[0][2:] == ("held", "paused")
    with world.tx() as conn:
        resume(conn, "risk")
    assert world.sweep().started == 1


def test_open_runs_are_told_of_pause_resume_and_the_end(world):
    world.deploy(risk=FALLS)
    settle(world)
    world.day(nps=50.0)
    with world.tx() as conn:
        assert (pause(conn, "risk"), pause(conn, "risk")) == (1, None)
        assert (resume(conn, "risk"), resume(conn, "risk")) == (1, None)
        assert (switch_off(conn, "risk"), switch_off(conn, "risk")) == (1, None)
    assert world.told(1) == [
        ("pause", "", {}),
        ("resume", "", {}),
        ("end", "stop", {"reason": "the playbook was switched off"}),
    ]


def test_a_playbook_that_is_off_sees_nothing_and_begins_anew(world):
    world.deploy(risk=FALLS)
    settle(world)
    with world.tx() as conn:
        switch_off(conn, "risk")
    assert world.day(nps=50.0).crossings == 0
    with world.tx() as conn:
        resume(conn, "risk")
    assert world.sweep().crossings == 0, "low while nobody looked is existing"
    world.day(nps=80.0)
    assert world.day(nps=50.0).started == 1


# --- the last guard --------------------------------------------------------------------------------------------------


def test_the_database_itself_refuses_two_open_runs(world):
    world.deploy(risk="entry: { exclusive: attention }\n" + FALLS)
    settle(world)
    world.day(nps=50.0)
    for playbook in ("risk", "other"):
        rest = "version, plan_hash, account_id, exclusive, priority, started_at"
        copy = f"insert into run (playbook, workflow_id, {rest}) select '{playbook}', 'x', {rest} from run"
        with pytest.raises(sa.exc.IntegrityError), world.tx() as conn:
            conn.execute(sa.text(copy))


def test_time_alone_never_starts_a_second_run(world):
    world.deploy(risk="entry: { again_after: 2 days }\n" + FALLS)
    settle(world)
    world.day(nps=50.0)
    world.end(1)
    for _ in range(5):
        world.pass_time(DAY)
        world.sweep()
    assert len(world.runs()) == 1, "low is no crossing: it has not recovered"
