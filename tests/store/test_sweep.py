"""The sweep as a whole: it decides for its instant, once, whatever happens to it."""

import multiprocessing
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, EventFact, MetricFact
from engine.runtime import Waiting
from store import proposals, runs
from store.database import engine_for
from store.intake import take_in
from store.sweep import dry_run, sweep
from tests.store.world import DAY, FALLS, World, workspace


@pytest.fixture
def world(database):
    return World(database)


def test_a_crossing_starts_a_run_once(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.metric("acme", "nps", 80.0)
    assert world.sweep().crossings == 0
    report = world.day(nps=50.0)
    assert (report.at, report.accounts, report.crossings, report.started) == (world.now, 1, 1, 1)
    assert report.playbooks == {"risk": {"started": 1}}
    assert world.crossings() == [("acme", "risk", "started", None)]
    assert world.day(nps=50.0).crossings == 0
    assert world.day().crossings == 0


def test_a_sweep_without_work_only_notes_the_instant(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.sweep()
    world.pass_time()
    assert world.sweep().accounts == 0
    assert world.rows("select at, finished from sweep") == [(world.now, True)]


def test_a_clock_that_stands_still_may_be_swept_often(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.metric("acme", "nps", 80.0)
    for _ in range(3):
        world.sweep()
    world.metric("acme", "nps", 50.0)
    assert [world.sweep().crossings for _ in range(3)] == [1, 0, 0]


def test_a_playbook_that_cannot_propose_stops_no_other_and_loses_nothing(world, monkeypatch):
    world.deploy(a=FALLS, b=FALLS)
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.pass_time()
    world.metric("acme", "nps", 50.0)

    def broken(conn, sight, playbooks, **rest):
        if any(one.playbook == "a" for one in playbooks):
            conn.execute(sa.text("select 1 / 0"))
        return propose(conn, sight, playbooks, **rest)

    propose = proposals.propose
    monkeypatch.setattr("store.sweep.propose", broken)
    report = sweep(world.engine)
    assert report is not None
    assert list(report.failed) == ["a"]
    assert "division by zero" in report.failed["a"]
    assert world.crossings() == [("acme", "b", "started", None)]
    monkeypatch.undo()
    world.day()
    assert world.crossings() == [("acme", "b", "started", None), ("acme", "a", "started", None)]


def test_moments_of_a_playbook_that_could_not_propose_are_not_lost(world, monkeypatch):
    world.deploy(renew="triggers: [{ date: account.renewal_date }]")
    world.account("acme", renewal_date=(world.now + DAY).date().isoformat())
    world.sweep()
    world.pass_time()

    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr("store.sweep.propose", broken)
    for _ in range(2):
        report = sweep(world.engine)
        assert report is not None
        assert report.failed == {"renew": "RuntimeError: broken"}
        world.pass_time(2 * DAY)
    monkeypatch.undo()
    world.pass_time(DAY)
    assert world.sweep().started == 1


def test_a_second_sweep_at_once_leaves_or_waits(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    from store.sweep_lock import sweeping

    waited: list[Any] = []
    with world.engine.connect() as conn, sweeping(conn, wait=False) as mine:
        assert mine
        assert sweep(world.engine) is None
        second = threading.Thread(target=lambda: waited.append(sweep(world.engine, wait=True)))
        second.start()
        second.join(0.3)
        assert second.is_alive()
    second.join()
    assert waited[0].accounts == 1
    assert sweep(world.engine) is not None, "the lock is given back"


def test_the_lock_is_taken_and_given_back_in_two_round_trips(world, tmp_path):
    from store.sweep_lock import sweeping

    with world.engine.connect() as conn, (tmp_path / "trace").open("w+b") as trace:
        with sweeping(conn, wait=True):
            pass  # a connection prepares at first what it will ask again and again
        server = conn.connection.driver_connection.pgconn
        server.trace(trace.fileno())
        with sweeping(conn, wait=True) as mine:
            assert mine
        server.untrace()
        trace.seek(0)
        answers = [line for line in trace.read().decode().splitlines() if "ReadyForQuery" in line]
    assert len(answers) == 2


def test_a_dry_run_tells_what_would_happen_and_keeps_nothing(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.pass_time()
    world.metric("acme", "nps", 50.0)
    before = everything(world.engine)
    (ruled,) = dry_run(world.engine)
    assert (ruled.account_key, ruled.playbook, ruled.ruling.state) == ("acme", "risk", "started")
    assert everything(world.engine) == before
    assert world.sweep().started == 1


# --- broken on purpose -----------------------------------------------------------------------------------------------


def busy(world):
    """One sweep's worth of everything: starts, holds, dwells, replacements, moments, goals, events, cool-downs."""
    group = "entry: {{ exclusive: attention, on_conflict: {0} }}\n"
    world.deploy(
        a="priority: 10\n" + group.format("wait") + FALLS + "  - manual: true\n",
        b="priority: 90\n" + group.format("replace") + "triggers: [{ metric: usage, falls_below: 5 }]",
        c=FALLS + "    for: 1 day\ngoal: { when: metric.usage >= 50 }",
        d="entry: { again_after: 1 day }\n" + FALLS,
        e="triggers: [{ date: account.renewal_date - 10 days }]",
    )
    keys = [f"k{i}" for i in range(6)]
    renewal = (world.now + 13 * DAY).date().isoformat()
    world.tell(*(AccountFact(key=key, fields={"account.renewal_date": renewal}) for key in keys))
    tell = lambda *values: world.tell(  # noqa: E731 - a phrase of this story
        *(MetricFact(account=key, metric="nps", value=nps) for key, (nps, _) in zip(keys, values, strict=True)),
        *(MetricFact(account=key, metric="usage", value=usage) for key, (_, usage) in zip(keys, values, strict=True)),
    )
    tell(*[(80.0, 20.0)] * 6)
    world.sweep()
    world.pass_time(DAY)
    tell((50.0, 20.0), (50.0, 20.0), (80.0, 20.0), (80.0, 20.0), (50.0, 20.0), (80.0, None))
    world.sweep()
    with world.tx() as conn:
        waiting = [Waiting(key="steps[0]", event="login", since=world.now)]
        runs.rest(conn, 1, heard=1, due_at=None, waiting=waiting)
        for run_id in conn.execute(sa.text("select id from run where playbook = 'd'")).scalars().all()[:2]:
            runs.end(conn, run_id, outcome="end", reason="worked through", at=world.now)
    world.event("k0", "login")
    world.pass_time(DAY)
    tell((80.0, 4.0), (50.0, 60.0), (50.0, 4.0), (50.0, 20.0), (None, 20.0), (50.0, 20.0))
    world.sweep()
    world.pass_time(DAY + timedelta(hours=1))
    tell((50.0, 4.0), (50.0, 60.0), (80.0, 4.0), (62.0, 70.0), (50.0, 3.0), (50.0, 20.0))
    world.event("k0", "login")


TABLES = {
    "crossing": "playbook, account_id, at, reasons, state, why, entry_key, retry_at",
    "run": "playbook, account_id, entry_key, state, started_at, outbox_n",
    "watch": "key, account_id, since, due_at, suspended_at, met_at",
    "outbox": "kind, n, fact, created_at",
    "trigger_hold": "account_id, playbook, trigger, since, due_at, suspended_at",
    "account_now": "*",
    "score": "account_id, value",
    "change": "account_id",
    "work": "account_id",
    "work_playbook": "playbook",
    "sweep": "at, finished",
}


def everything(engine):
    """All that decisions left, without the numbers that a killed transaction uses up."""
    with engine.connect() as conn:
        return {
            table: sorted(map(repr, conn.execute(sa.text(f"select {columns} from {table}")).all()))
            for table, columns in TABLES.items()
        }


def copy_of(url, name):
    of = sa.make_url(url).database
    server = url.replace("+psycopg", "").replace(f"/{of}?", "/postgres?")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"drop database if exists {name} with (force)")
        conn.execute(f"create database {name} template {of} strategy file_copy")
    return url.replace(f"/{of}?", f"/{name}?")


_compiled: dict[Any, Any] = {}
"""Shared with the children, or each would compile every statement anew."""


def _engine(url):
    return engine_for(url).execution_options(compiled_cache=_compiled)


def _sweep_until(url, moment):
    """Runs in a process of its own, which is killed just before its k-th statement or commit."""
    engine, count = _engine(url), 0

    def look(*_):
        nonlocal count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", look)
    sa.event.listen(engine, "commit", look)
    sweep(engine, wait=True)
    os._exit(0)


_fork = multiprocessing.get_context("fork")


def killed(url, moment):
    """Whether the process was killed; otherwise the sweep had fewer moments than that."""
    process = _fork.Process(target=_sweep_until, args=(url, moment))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_killed_at_every_moment_in_turn_nothing_is_doubled_and_nothing_lost(world, database):
    busy(world)
    world.engine.dispose()
    url = copy_of(database, "undisturbed")
    sweep(engine := _engine(url))
    expected = everything(engine)
    with engine.connect() as conn:
        states = conn.execute(sa.text("select distinct state from crossing order by state")).scalars().all()
    engine.dispose()
    assert states == ["held", "lapsed", "not_started", "started"], "the story has something of everything"
    engine = _engine(database)
    left, moment, kills = everything(engine), 1, 0
    while killed(database, moment):
        # Whenever a transaction got through, all moments of what is left are tried anew.
        found = everything(engine)
        moment, left, kills = (moment + 1 if found == left else 1), found, kills + 1
    assert everything(engine) == expected
    assert kills > 60
    engine.dispose()


def test_sweeps_starts_by_hand_and_repeated_facts_all_at_once_never_double(world):
    """I1 and I2 under everything at once."""
    busy(world)
    from store.enrolment import enrol

    failures = []

    def guarded(work):
        def run():
            try:
                for _ in range(6):
                    work()
            except Exception as error:  # noqa: BLE001 - told to the test
                failures.append(error)

        return run

    def again():
        with world.tx() as conn:
            conn.execute(sa.text("insert into change (account_id) select id from account"))

    def by_hand():
        for key in ("k0", "k3", "k5"):
            with world.tx() as conn:
                enrol(conn, "a", key, by="kim")

    work = [lambda: sweep(world.engine), lambda: sweep(world.engine, wait=True), again, by_hand, by_hand]
    threads = [threading.Thread(target=guarded(one)) for one in work]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    world.sweep()
    assert failures == []
    for what in ("playbook, account_id", "exclusive, account_id"):
        doubled = (
            f"select {what} from run where state = 'open' and exclusive is not null group by {what} having count(*) > 1"
        )
        assert world.rows(doubled) == []
    edges = """select playbook, account_id, reason ->> 'trigger', at, count(*)
        from crossing, jsonb_array_elements(reasons) as reason
        where reason ->> 'kind' <> 'manual' group by 1, 2, 3, 4 having count(*) > 1"""
    assert world.rows(edges) == []
    counts = """select (select count(*) from run), (select count(*) from outbox where kind = 'start'),
        (select count(distinct run_id) from crossing where state = 'started')"""
    ((started, in_outbox, crossed),) = world.rows(counts)
    assert started == in_outbox == crossed


def test_a_redeploy_never_meets_a_statement_of_what_was_deployed_before(world):
    """Statements are kept between sweeps, under all that they are made of."""
    world.deploy(risk=FALLS)
    for key in ("acme", "bee"):
        world.account(key, name=key.title())
    world.day(nps=80.0)
    world.deploy(risk=FALLS.replace("60", "40").replace("68", "48"))
    assert world.day(nps=50.0).crossings == 0
    assert world.day(nps=35.0).crossings == 1
    world.deploy(
        risk="audience: account.name == 'Bee'\ntriggers: [{ id: low, metric: nps, falls_below: 30 }]",
        other="goal: { when: metric.nps >= 90 }\ntriggers: [{ metric: usage, falls_below: 10 }]",
    )
    world.day(usage=50.0)
    world.day(nps=20.0, usage=5.0)
    found = [(name, state) for _, name, state, _ in world.crossings()[1:]]
    assert found == [("other", "started"), ("risk", "not_started")]
    why = world.crossings()[-1][3]
    assert why is not None
    assert why.startswith("outside the audience: (account.name == 'Bee')")


def test_facts_that_come_while_sweeps_run_are_neither_lost_nor_doubled(world):
    """Each account falls and recovers, again and again, told by four threads while two sweep."""
    declared = workspace("name: T\nmetrics: { nps: number }\nevents: { login: {} }\n")
    world.deploy(declared, risk=FALLS, log="triggers: [{ event: login }]")
    keys = [f"k{n}" for n in range(12)]
    world.tell(*(AccountFact(key=key, fields={"account.name": key}) for key in keys))
    world.tell(*(MetricFact(account=key, metric="nps", value=80.0) for key in keys))
    world.sweep()
    world.pass_time(DAY)
    telling, failures = [True], []

    def intake(mine):
        try:
            for n in range(8):
                for key in mine:
                    value = 50.0 if n % 2 else 80.0 - n
                    at = world.now
                    metric = MetricFact(account=key, metric="nps", value=value, at=at + timedelta(seconds=n))
                    login = EventFact(type="login", key=f"{key}/{n}", account=key, at=at)
                    with world.tx() as conn:
                        report = take_in(conn, [metric, login], known_at=at + timedelta(seconds=n))
                    assert not report.problems
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    def sweeps():
        try:
            while telling[0]:
                sweep(world.engine, wait=True)
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    tellers = [threading.Thread(target=intake, args=(keys[n::4],)) for n in range(4)]
    sweepers = [threading.Thread(target=sweeps) for _ in range(2)]
    for one in (*tellers, *sweepers):
        one.start()
    for one in tellers:
        one.join()
    telling[0] = False
    for one in sweepers:
        one.join()
    world.pass_time(timedelta(minutes=1))
    world.sweep()
    assert failures == []
    assert world.rows("select count(*) from change") == [(0,)]
    # Every login made its crossing reason exactly once, and the projection holds the last value told.
    named = """select reason #>> '{values,event}', count(*) from crossing, jsonb_array_elements(reasons) as reason
        where reason ->> 'kind' = 'event' group by 1"""
    assert sorted(world.rows(named)) == sorted((f"{key}/{n}", 1) for key in keys for n in range(8))
    assert world.rows('select distinct "metric.nps" from account_now') == [(50.0,)]
    twice = """select account_id, at from crossing, jsonb_array_elements(reasons) as reason
        where playbook = 'risk' group by 1, 2, reason ->> 'trigger' having count(*) > 1"""
    assert world.rows(twice) == []
    open_runs = "select account_id from run where state = 'open' and playbook = 'risk' group by 1 having count(*) > 1"
    assert world.rows(open_runs) == []


def test_a_sweep_over_nothing_asks_few_questions_however_many_playbooks_there_are(world):
    busy(world)
    for _ in range(2):
        world.sweep()
    asked = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    report = sweep(world.engine)
    assert report is not None
    assert report.accounts == 0
    # The lock, how everything stands, whether anything came due, the instant, the lock again; one more where a
    # workspace promises that feeds bring something.
    assert len(asked) <= 6, asked


def test_what_is_prepared_is_what_the_first_sweeps_execute(world, monkeypatch):
    from store import projection
    from store.sweep import prepare

    world.deploy(a=FALLS)
    prepare(world.engine)
    assert world.rows("select count(*) from sweep") == [(0,)], "nothing is decided"
    assert world.rows("select account_id from change") == [(None,)], "nor taken"
    built = []
    statement = projection._statement

    def noted(*given):
        built.append(given[-1])
        return statement(*given)

    monkeypatch.setattr(projection, "_statement", noted)
    world.account("acme", name="Acme")
    sweep(world.engine)
    world.metric("acme", "nps", 80.0)
    report = sweep(world.engine)
    assert report is not None
    assert report.accounts == 1
    assert built == []


def test_what_is_rehearsed_is_what_the_next_sweep_executes(world, monkeypatch):
    from store import projection
    from store.sweep import rehearse

    world.workspace = workspace("name: Rehearsed\nzone: UTC\nmetrics: { nps: number }\n")
    world.deploy(a=FALLS)
    world.account("acme", name="Acme")
    sweep(world.engine)
    before = world.rows("select * from sweep order by id")
    world.metric("acme", "nps", 40.0)
    rehearse(world.engine)
    assert world.rows("select * from sweep order by id") == before, "nothing is decided"
    assert world.rows("select count(*) from change") == [(1,)], "nor taken"
    built = []
    monkeypatch.setattr(projection, "_statement", lambda *given: built.append(given))
    report = sweep(world.engine)
    assert report is not None
    assert report.accounts == 1
    assert built == []


def test_a_rehearsal_leaves_a_sweep_that_is_under_way_alone(world):
    from store.sweep import rehearse
    from store.sweep_lock import sweeping

    world.deploy(a=FALLS)
    asked = []
    with world.engine.connect() as other, sweeping(other, wait=True):
        sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        rehearse(world.engine)
        assert len(asked) == 1
