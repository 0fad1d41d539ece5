"""Requests leave at most once though dispatchers are killed at every point, and none is lost silently."""

import collections
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.chat.stored import StoredChat
from connectors.webhook.http import HttpCaller, HttpSettings
from store import errands, schema
from tests.connectors.receiver import Receiver
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE
from workflows.errands import ErrandStream, Outside

ROOT = Path(__file__).resolve().parents[2]
POINTS = ["before handing over", "after handing over", "after the answer", "before the commit of settling"]
MANY = 12


def order_all(engine: sa.Engine, resends: int) -> dict[str, int]:
    """The errands by their request's id."""
    post, ordered = Post(engine), {}
    for _ in range(MANY):
        run_id = post.run()
        with engine.begin() as conn:
            account_id = conn.execute(sa.select(schema.run.c.account_id).where(schema.run.c.id == run_id)).scalar_one()
            order = errands.Order(
                run_id=run_id,
                step="crm",
                visit=1,
                account_id=account_id,
                kind="webhook",
                connector="crm",
                body={"n": run_id},
                resends=resends,
            )
            errand_id = errands.prepare(conn, order, NOW)
            row = sa.select(schema.errand.c.request_id).where(schema.errand.c.id == errand_id)
            ordered[conn.execute(row).scalar_one()] = errand_id
    return ordered


@pytest.fixture(scope="module")
def killed_at():
    """Have a dispatcher started that is killed when it comes to a point for the second time; what signal ended it."""
    program = [sys.executable, str(Path(__file__).with_name("errand_dispatcher.py"))]
    process = subprocess.Popen(
        program, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=-1, stdout=-1, text=True
    )
    assert process.stdin
    assert process.stdout
    to, answers = process.stdin, process.stdout

    def killed_at(database, address, point):
        to.write(json.dumps({"database": database, "address": address, "last": point}) + "\n")
        to.flush()
        return int(answers.readline())

    yield killed_at
    process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("resends", [0, 1])
def test_a_killed_dispatcher_neither_doubles_nor_loses_a_request(database, resends, killed_at):
    engine = engine_of(database)
    ordered = order_all(engine, resends)
    with Receiver() as receiver:
        for point in POINTS:
            assert killed_at(database, receiver.url(), point) == signal.SIGKILL
        caller = HttpCaller(
            HttpSettings(url=receiver.url(), allow_private=True, total_seconds=PATIENCE), lambda _name: None
        )
        stream = ErrandStream(engine, Outside(webhook=lambda _name: caller, chat=lambda _name: StoredChat()))
        for hours in range(3):
            stream.dispatch_due(NOW + timedelta(hours=hours))
        stream.close()
    arrived = collections.Counter(one.headers["webhook-id"] for one in receiver.received)
    with engine.connect() as conn:
        rows = conn.execute(sa.select(schema.errand.c.request_id, schema.errand.c.state)).all()
        told = conn.execute(sa.select(schema.outbox.c.fact["values"]["outcome"].astext)).scalars().all()
    states = {row.request_id: row.state for row in rows}
    assert set(states) == set(ordered)
    assert sorted(told) == sorted(states.values()), "every run was told once"
    assert all(count <= 1 + resends for count in arrived.values())
    assert all(arrived[one] >= 1 for one, state in states.items() if state == "delivered")
    unknown = [one for one, state in states.items() if state == "unknown"]
    assert len(unknown) == (0 if resends else 3), "three of four deaths left a request of which nobody knows"
