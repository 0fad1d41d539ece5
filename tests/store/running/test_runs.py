"""A run's own rows: what it is told, where it rests, how it ends."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from engine.turns.runtime import Entry, Standing, Waiting
from store.queries.runs import get_run, list_runs
from store.running import runs, watches
from store.schema import run, task, trace, watch
from tests.store.world import DAY, FALLS, START, World
from tests.waiting import PATIENCE, until

NPS_BACK = {"text": "metric.nps >= 90", "type": "bool", "reads": {"metric.nps": "number"}, "rows": {}}


@pytest.fixture
def world(database):
    """With one open run, 1, of acme."""
    world = World(database)
    world.deploy(risk=FALLS + "goal: { when: metric.usage >= 100 }\nexit: [{ when: account.arr < 5, reason: gone }]")
    world.account("acme", name="Acme", arr=100.0, zone="America/New_York", renewal_date="2026-09-30")
    world.metric("acme", "nps", 80.0)
    world.sweep()
    world.day(nps=50.0)
    return world


def test_facts_are_numbered_after_the_start_in_the_order_told(world):
    with world.tx() as conn:
        assert runs.tell(conn, 1, "pause", at=START) == 1
        assert runs.tell(conn, [1], "task", of="call", values={"visit": 1, "outcome": "reached"}, at=START) == 1
    facts = world.rows("select n, kind, fact from outbox order by n")
    assert [(n, kind) for n, kind, _ in facts] == [(1, "start"), (2, "tell"), (3, "tell")]
    assert facts[2][2] == {
        "n": 3,
        "at": START.isoformat(),
        "kind": "task",
        "of": "call",
        "values": {"visit": 1, "outcome": "reached"},
    }


def test_several_facts_for_a_run_told_at_once_keep_their_order(world):
    with world.tx() as conn:
        told = [runs.Telling(run_id=1, kind="met", of=str(i)) for i in range(20)]
        assert runs.tell_all(conn, told, START) == 20
    assert [of for _, of, _ in world.told(1)] == [str(i) for i in range(20)]


def test_an_ended_or_missing_run_hears_nothing(world):
    world.end(1)
    with world.tx() as conn:
        assert runs.tell(conn, [1, 999], "pause", at=START) == 0
    assert world.told(1) == []


def test_many_tellers_at_once_give_every_number_once(world):
    def tell():
        for _ in range(10):
            with world.tx() as conn:
                runs.tell(conn, 1, "wake", at=START)

    tellers = [threading.Thread(target=tell) for _ in range(4)]
    for one in tellers:
        one.start()
    for one in tellers:
        one.join()
    assert [n for (n,) in world.rows("select n from outbox order by id")] == list(range(1, 42))


def rest(world, *waiting, heard=1, stuck=False, entries=()):
    with world.tx() as conn:
        standing = [Standing(path="steps[0]", step="call", says="wait 7 days", until=START)]
        return runs.rest(
            conn, 1, heard=heard, due_at=START + DAY, standing=standing, stuck=stuck, entries=entries, waiting=waiting
        )


def test_a_rest_says_where_the_run_stands(world):
    entry = Entry(seq=1, at=START, path="steps[0]", what="waits", detail={"for_": "7 days"})
    for _ in range(2):
        rest(world, heard=3, entries=[entry])
    with world.tx() as conn:
        row = conn.execute(sa.select(run).where(run.c.id == 1)).one()
        assert (row.heard, row.standing, row.due_at) == (3, "resting", START + DAY)
        assert row.at_step == [{"path": "steps[0]", "step": "call", "says": "wait 7 days", "until": START.isoformat()}]
        assert conn.execute(sa.select(sa.func.count()).select_from(trace)).scalar_one() == 1
    rest(world, stuck=True)
    assert world.rows("select standing from run") == [("stuck",)]


@pytest.mark.parametrize("ended", [False, True])
def test_an_act_that_waits_for_its_run_writes_where_that_stands_unless_it_was_ended(world, ended):
    entries = [Entry(seq=1, at=START, path="steps[0]", what="task")]
    standing = Standing(path="steps[0].wait", step="call", says="wait for task call")

    def act() -> bool:
        with world.tx() as conn:
            return runs.note_and_stand(conn, 1, entries, standing, START + DAY)

    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with world.tx() as conn:
            runs.tell(conn, 1, "wake", at=START)
            if ended:
                runs.end(conn, 1, outcome="end", reason="done", at=START)
            acting = pool.submit(act)
            until(lambda: world.rows(waiting))
        assert acting.result(PATIENCE) is not ended
    steps = [] if ended else ["call"]
    told = world.rows("select state, outbox_n, jsonb_path_query_array(at_step, '$[*].step') from run where id = 1")
    assert told == [("ended" if ended else "open", 2, steps)]


def test_a_wait_that_a_watch_may_end_sooner_lasts_so_long_at_most(world):
    standing = [
        Standing(path="steps[0]/until", step="", says="wait until account.signup_date + 45 days", until=START + DAY),
        Standing(path="steps[1]/until", step="", says="wait 1 day", until=START + DAY),
    ]
    waiting = [Waiting(key="steps[0]#2", event="login"), Waiting(key="exit/0", event="login")]
    with world.tx() as conn:
        runs.rest(conn, 1, heard=1, due_at=START + DAY, standing=standing, waiting=waiting)
    with world.tx() as conn:
        [row] = list_runs(conn).items
    assert [(stand.until, stand.at_most) for stand in row.stands] == [(START + DAY, True), (START + DAY, False)]


COMES = {
    "text": "today >= (account.renewal_date - 60 days)",
    "type": "bool",
    "reads": {"account.renewal_date": "date"},
    "rows": {},
}


def test_what_a_run_waits_for_next_is_the_date_and_not_how_long_it_waits_for_it_at_most(world):
    said, limit = "wait until account.renewal_date - 60 days", START + 365 * DAY
    standing = [
        Standing(path="steps[0]/until", step="", says=said, until=limit),
        Standing(path="steps[1]/until", step="", says="wait for login, up to 300 days", until=START + 300 * DAY),
    ]
    waiting = [Waiting(key="steps[0]#2", condition=COMES), Waiting(key="steps[1]", event="login")]
    with world.tx() as conn:
        runs.rest(conn, 1, heard=1, due_at=START + 300 * DAY, standing=standing, waiting=waiting)

    def told():
        with world.tx() as conn:
            [row], shown = list_runs(conn).items, get_run(conn, 1)
        assert shown is not None
        assert shown.run == row
        return row.due_at, [(stand.until, stand.at_most) for stand in row.stands]

    other = (START + 300 * DAY, True)
    # Midnight in New York, where the account is.
    first = datetime(2026, 8, 1, 4, tzinfo=UTC)
    assert told() == (first, [(first, False), other])
    world.account("acme", renewal_date="2027-11-30")
    world.sweep()
    assert told() == (START + 300 * DAY, [(limit, True), other])
    world.account("acme", renewal_date=None)
    world.sweep()
    assert told() == (START + 300 * DAY, [(limit, True), other])


def test_a_rest_of_an_ended_run_keeps_its_trace_and_nothing_else(world):
    world.end(1)
    assert rest(world, Waiting(key="w", event="login"), entries=[Entry(seq=9, at=START, path="", what="x")]) is None
    assert world.rows("select count(*) from watch") == [(0,)]
    assert world.rows("select seq from trace") == [(9,)]


def test_a_rest_that_was_asked_for_before_another_comes_too_late(world):
    with world.tx() as conn:
        waiting = [Waiting(key="new", event="login")]
        assert runs.rest(conn, 1, heard=2, due_at=None, waiting=waiting, asked_at=START + DAY) == ("new",)
        stale = [Waiting(key="old", event="login")]
        assert runs.rest(conn, 1, heard=1, due_at=None, waiting=stale, asked_at=START) is None
    assert world.rows("select heard from run") == [(2,)]
    assert world.rows("select key from watch where event is not null") == [("new",)]


def test_a_late_word_does_not_settle_a_rest_that_was_asked_for_since(world):
    """Its worker was thought dead between its two transactions: what the other waits for is still to be looked at."""

    def standing():
        return world.rows("select standing from run")[0][0]

    def settle(asked_at):
        with world.tx() as conn:
            runs.settled(conn, 1, stuck=True, asked_at=asked_at)

    with world.tx() as conn:
        for asked_at in (START, START + DAY):
            runs.rest(conn, 1, heard=2, due_at=None, waiting=[Waiting(key="w", event="login")], asked_at=asked_at)
    settle(START)
    assert standing() == "going"
    settle(START + DAY)
    assert standing() == "stuck"


@pytest.mark.parametrize(("heard", "missed", "again"), [(3, False, []), (2, False, [3]), (3, True, [4])])
def test_a_run_that_has_heard_less_than_before_or_missed_something_is_told_again(world, heard, missed, again):
    with world.tx() as conn:
        runs.tell(conn, [1], "wake", at=START)
        runs.tell(conn, [1], "wake", at=START)
        if missed:
            runs.tell(conn, [1], "wake", at=START)
        conn.execute(sa.text("update outbox set delivered_at = created_at"))
        runs.rest(conn, 1, heard=3, due_at=None)
        runs.rest(conn, 1, heard=heard, due_at=None, missed=missed)
    assert [n for (n,) in world.rows("select n from outbox where delivered_at is null order by n")] == again


def test_a_rest_follows_exactly_what_is_waited_for_beside_goal_and_exits(world):
    since = datetime(2026, 3, 3, tzinfo=UTC)
    first, second = Waiting(key="a", condition=NPS_BACK), Waiting(key="b", event="login", since=since)
    assert rest(world, first, second) == ("a", "b")
    assert rest(world, first, second) == ()
    assert rest(world, second) == ()
    keys = [key for (key,) in world.rows("select key from watch order by key")]
    assert keys == ["b", "exit/0", "exit/age", "goal"]
    later = Waiting(key="b", event="login", since=since + DAY)
    assert rest(world, later) == ("b",), "the same path in a later turn of a loop is another wait"


def test_what_is_met_already_is_said_and_said_again(world):
    world.metric("acme", "nps", 95.0)
    world.sweep()
    rest(world, Waiting(key="a", condition=NPS_BACK))
    for _ in range(2):
        with world.tx() as conn:
            assert watches.already_met(conn, 1, ["a"], world.now) == ("a",)
    world.metric("acme", "nps", 96.0)
    world.sweep()
    assert world.told(1) == [], "the answer was given; the sweep does not give it again"


def test_an_event_since_the_wait_began_is_met_already_and_an_earlier_one_is_not(world):
    world.event("acme", "login", at=world.now)
    with world.tx() as conn:
        runs.rest(
            conn,
            1,
            heard=1,
            due_at=None,
            waiting=[
                Waiting(key="before", event="login", since=world.now - DAY),
                Waiting(key="after", event="login", since=world.now + DAY),
            ],
        )
    with world.tx() as conn:
        assert watches.already_met(conn, 1, ["before", "after"], world.now) == ("before",)


def test_the_end_stands_and_takes_everything_open_with_it(world):
    with world.tx() as conn:
        conn.execute(
            sa.insert(task).values(
                run_id=1,
                step="call",
                visit=1,
                account_id=world.account_id(),
                title="",
                outcomes=["done"],
                created_at=START,
            )
        )
    assert world.end(1, "goal", "goal reached") is True
    assert world.end(1, "failed", "later") is False
    assert world.rows("select state, outcome, reason, at_step, due_at from run") == [
        ("ended", "goal", "goal reached", [], None)
    ]
    assert world.rows("select count(*) from watch") == [(0,)]
    assert world.rows("select state from task") == [("withdrawn",)]
    assert world.rows("select count(*) from change") == [(1,)], "a crossing may wait for this end"


def test_open_tasks_may_be_left(world):
    with world.tx() as conn:
        conn.execute(
            sa.insert(task).values(
                run_id=1,
                step="call",
                visit=1,
                account_id=world.account_id(),
                title="",
                outcomes=["done"],
                created_at=START,
            )
        )
        runs.end(conn, 1, outcome="end", reason="worked through", at=START, withdraw=False)
    assert world.rows("select state from task") == [("open",)]


def test_fields_are_read_as_the_last_sweep_left_them(world):
    world.metric("acme", "nps", 10.0)
    with world.tx() as conn:
        values = runs.read(conn, 1, ["metric.nps", "account.renewal_date", "account.csm", "account.nothing", "place"])
    assert values["metric.nps"] == 50.0
    assert values["account.renewal_date"] == "2026-09-30"
    assert values["account.csm"] is None
    assert "account.nothing" not in values
    assert values["place"]["zone"] == "America/New_York"


def test_a_run_that_never_was_is_named(world):
    with world.tx() as conn, pytest.raises(LookupError, match="there is no run 99"):
        runs.read(conn, 99, ["metric.nps"])
    with world.tx() as conn, pytest.raises(LookupError, match="there is no run 99"):
        runs.rest(conn, 99, heard=0, due_at=None)


def test_watch_rows_die_with_the_end_even_if_the_rest_comes_late(world):
    world.end(1)
    with world.tx() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(watch)).scalar_one() == 0
