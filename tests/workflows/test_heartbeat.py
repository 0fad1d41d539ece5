from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from app.connectors import own_tasks
from engine.facts import AccountFact, EventFact
from engine.workspace import load_workspace
from store import clock
from store.deciding.sweep import sweep
from store.deploying.deploy import deploy
from store.intake import take_in
from store.postgres.database import engine_for
from workflows.heartbeat import BEATS, Beats
from workflows.ports import Ports
from workflows.worker import playbook_worker

WORKSPACE = load_workspace(
    {"tenure.yaml": b"name: W\nevents: { usage: { n: number } }\nretention: { events: 30 days }\n"}
)

PORTS = Ports(tasks=own_tasks, transports=dict)


@pytest.fixture
def engine(database):
    engine = engine_for(database)
    yield engine
    engine.dispose()


def live(engine, now):
    events = [EventFact(type="usage", account="a", at=now - timedelta(days=days)) for days in (1, 40)]
    with engine.begin() as conn:
        deploy(conn, WORKSPACE, [], now)
        take_in(conn, [AccountFact(key="a"), *events], known_at=now)
    sweep(engine, wait=True)


def held(engine):
    with engine.begin() as conn:
        return conn.exec_driver_sql("select count(*) from event").scalar()


def beats(engine, client):
    return Beats(engine, client, PORTS.source)


async def test_at_night_what_is_not_kept_is_forgotten(engine, temporal_client):
    live(engine, datetime.now(UTC))
    await ActivityEnvironment().run(beats(engine, temporal_client).forget)
    assert held(engine) == 1


async def test_under_a_virtual_clock_it_is_left_to_a_person(engine, temporal_client):
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with engine.begin() as conn:
        clock.set_virtual(conn, now)
    live(engine, now)
    await ActivityEnvironment().run(beats(engine, temporal_client).forget)
    assert held(engine) == 2


async def test_the_worker_has_an_activity_for_every_beat(engine, temporal_client):
    worker = playbook_worker(temporal_client, engine, PORTS)
    names = {
        getattr(one, "__temporal_activity_definition").name for one in worker.config(active_config=True)["activities"]
    }
    assert names >= BEATS.keys()
