"""The sweep as a whole: it decides for its instant, once, whatever happens to it."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from store.deciding import proposals
from store.deciding.sweep import dry_run, sweep
from tests.store.world import DAY, FALLS, World, busy, everything, workspace


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
    monkeypatch.setattr("store.deciding.sweep.propose", broken)
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

    monkeypatch.setattr("store.deciding.sweep.propose", broken)
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
    from store.deciding.sweep_lock import sweeping

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
    from store.deciding.sweep_lock import sweeping

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
    from store.current import projection
    from store.deciding.sweep import prepare

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
    from store.current import projection
    from store.deciding.sweep import rehearse

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
    from store.deciding.sweep import rehearse
    from store.deciding.sweep_lock import sweeping

    world.deploy(a=FALLS)
    asked = []
    with world.engine.connect() as other, sweeping(other, wait=True):
        sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        rehearse(world.engine)
        assert len(asked) == 1
