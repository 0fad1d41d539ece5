"""Sweeps that are killed at every moment, and that meet others and new facts: nothing is doubled, nothing lost."""

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
from store.deciding.sweep import sweep
from store.intake import take_in
from store.postgres.database import engine_for
from tests.store.world import DAY, FALLS, World, busy, everything, workspace


@pytest.fixture
def world(database):
    return World(database)


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
    from store.deciding.enrolment import enrol

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
