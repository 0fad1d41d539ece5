"""Errands against a real PostgreSQL: carried out once, tried again where nothing happened, never lost silently."""

import threading
from collections import deque
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.chat.memory import MemoryChat
from connectors.errors import Misconfigured, RateLimited, Unavailable, UnknownOutcome
from connectors.http import Declined
from connectors.webhook.http import HttpCaller, HttpSettings
from connectors.webhook.memory import Failure, MemoryCaller
from connectors.webhook.port import Answered
from store import errands, schema
from store.running import runs
from tests.connectors.receiver import Receiver, reply
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE, until
from workflows.errands import ErrandStream, Outside

AWAY = Failure(error=Unavailable("crm.example:443 answered 503"))


class Desk:
    """Runs that tell others, and the others."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.post = Post(engine)
        self.crm, self.other, self.team = MemoryCaller(), MemoryCaller(), MemoryChat()
        self.stream = ErrandStream(engine, Outside(webhook=self.caller, chat=lambda _name: self.team))

    def caller(self, name: str) -> MemoryCaller:
        callers = {"crm": self.crm, "other": self.other}
        if name not in callers:
            raise Misconfigured(f"tenure.yaml declares no webhook connector {name} any more")
        return callers[name]

    def order(self, run_id: int | None = None, **changes) -> int:
        run_id = run_id or self.post.run()
        with self.engine.begin() as conn:
            account_id = conn.execute(sa.select(schema.run.c.account_id).where(schema.run.c.id == run_id)).scalar_one()
            values = {
                "run_id": run_id,
                "step": "crm",
                "visit": 1,
                "account_id": account_id,
                "kind": "webhook",
                "connector": "crm",
                "body": {"account": "Acme"},
            }
            return errands.prepare(conn, errands.Order(**(values | changes)), NOW)

    def row(self, errand_id: int) -> sa.Row[Any]:
        with self.engine.begin() as conn:
            return conn.execute(sa.select(schema.errand).where(schema.errand.c.id == errand_id)).one()

    def state(self, errand_id: int) -> tuple[str, str | None, int | None]:
        row = self.row(errand_id)
        return row.state, row.reason, row.status

    def told(self, errand_id: int) -> list[dict[str, Any]]:
        return [fact["values"] for fact in self.post.told(self.row(errand_id).run_id)]


@pytest.fixture
def desk(database):
    engine = engine_of(database)
    desk = Desk(engine)
    yield desk
    desk.stream.close()


def test_an_errand_is_carried_out_once_and_its_run_is_told(desk):
    errand_id = desk.order(returns={"ticket": "text", "score": "number", "gone": "text"})
    desk.crm.answers.append(Answered(status=202, json={"ticket": "T-7", "score": "high", "secret": "x"}))
    assert desk.stream.dispatch_due(NOW) == 1
    assert desk.stream.dispatch_due(NOW) == 0
    (request,) = desk.crm.taken
    assert (request.id, dict(request.body)) == (desk.row(errand_id).request_id, {"account": "Acme"})
    told = {"visit": 1, "outcome": "delivered", "reason": "", "status": 202, "returned": {"ticket": "T-7"}}
    assert desk.told(errand_id) == [told]


def test_ordering_twice_is_ordering_once(desk):
    run_id = desk.post.run()
    assert desk.order(run_id) == desk.order(run_id, body={"account": "Other"})
    desk.stream.dispatch_due(NOW)
    assert [dict(one.body) for one in desk.crm.taken] == [{"account": "Acme"}]


def test_every_visit_and_run_has_an_id_of_its_own(desk):
    run_id = desk.post.run()
    ids = [desk.row(desk.order(run_id, visit=visit)).request_id for visit in (1, 2)]
    assert len({*ids, desk.row(desk.order()).request_id}) == 3
    assert all(one.startswith("msg_") for one in ids)


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (Unavailable("503"), timedelta(seconds=15)),
        (RateLimited("429", timedelta(minutes=7)), timedelta(minutes=7)),
        (Misconfigured("no secret"), timedelta(minutes=5)),
    ],
)
def test_what_has_not_happened_is_tried_again_with_the_same_id(desk, error, wait):
    errand_id = desk.order()
    desk.crm.answers.append(Failure(error=error))
    desk.stream.dispatch_due(NOW)
    row = desk.row(errand_id)
    assert (row.state, row.due_at, row.attempts, desk.told(errand_id)) == ("prepared", NOW + wait, 1, [])
    desk.stream.dispatch_due(NOW + wait - timedelta(seconds=1))
    assert desk.crm.taken == []
    desk.stream.dispatch_due(NOW + wait)
    assert [one.id for one in desk.crm.taken] == [row.request_id]
    assert desk.state(errand_id)[0] == "delivered"


def test_a_definite_no_is_refused_with_its_status(desk):
    errand_id = desk.order()
    desk.crm.answers.append(Failure(error=Declined("crm.example:443 answered 422", 422), when="handed_over"))
    desk.stream.dispatch_due(NOW)
    assert desk.state(errand_id) == ("refused", "crm.example:443 answered 422", 422)
    assert desk.told(errand_id)[0]["outcome"] == "refused"


def test_a_receiver_that_stays_away_is_given_up_with_its_reason(desk):
    errand_id = desk.order()
    desk.crm.answers.extend([AWAY] * 200)
    now = NOW
    while desk.row(errand_id).state == "prepared":
        desk.stream.dispatch_due(now)
        now = max(desk.row(errand_id).due_at, now)
        assert now <= NOW + errands.GIVE_UP_AFTER
    assert desk.state(errand_id) == ("refused", "given up after 3 days: crm.example:443 answered 503", None)
    assert desk.row(errand_id).settled_at == NOW + errands.GIVE_UP_AFTER
    assert 50 < desk.row(errand_id).attempts < 200


def test_what_may_have_arrived_is_unknown_and_not_sent_again(desk):
    errand_id = desk.order()
    desk.crm.answers.append(Failure(error=UnknownOutcome("no answer"), when="taken"))
    desk.stream.dispatch_due(NOW)
    desk.stream.dispatch_due(NOW + timedelta(days=1))
    assert (desk.state(errand_id)[0], len(desk.crm.taken)) == ("unknown", 1)
    assert desk.told(errand_id)[0]["outcome"] == "unknown"


def test_its_author_may_have_it_sent_again_once_with_the_same_id(desk):
    first, second = desk.order(resends=1), desk.order(resends=1, connector="other")
    lost = Failure(error=UnknownOutcome("no answer"), when="taken")
    desk.crm.answers.append(lost)
    desk.other.answers.extend([lost, lost])
    desk.stream.dispatch_due(NOW)
    assert "sent again" in (desk.state(first)[1] or "")
    desk.stream.dispatch_due(NOW + timedelta(hours=1))
    desk.stream.dispatch_due(NOW + timedelta(hours=2))
    assert (desk.state(first)[0], [one.id for one in desk.crm.taken]) == ("delivered", [desk.row(first).request_id] * 2)
    assert (desk.state(second)[0], len(desk.other.taken)) == ("unknown", 2)


@pytest.mark.parametrize(("resends", "state"), [(0, "unknown"), (1, "delivered")])
def test_a_dispatcher_that_dies_while_handing_over_leaves_nothing_lost(desk, resends, state):
    errand_id = desk.order(resends=resends)
    conn = desk.engine.connect()
    conn.detach()
    with conn.begin():
        errands.claim_due(conn, NOW, 10)
    with conn.begin():
        assert errands.handing_over(conn, errand_id)
    desk.stream.dispatch_due(NOW)
    assert desk.state(errand_id)[0] == "handing_over", "its dispatcher is alive"
    conn.close()

    def taken_up() -> bool:
        # The server notices a moment later that the connection is gone.
        desk.stream.dispatch_due(NOW)
        return bool(desk.state(errand_id)[0] != "handing_over")

    until(taken_up)
    desk.stream.dispatch_due(NOW + timedelta(hours=1))
    assert desk.state(errand_id)[0] == state
    assert len(desk.crm.taken) == resends


def test_a_connectors_own_mistake_is_settled_by_where_it_happened(desk):
    before, after = desk.order(), desk.order(connector="other")
    desk.crm.answers.append(Failure(error=KeyError("x")))
    desk.other.answers.append(Failure(error=KeyError("x"), when="handed_over"))
    desk.stream.dispatch_due(NOW)
    assert (desk.state(before)[0], desk.state(after)[0]) == ("prepared", "unknown")


def test_a_connector_that_is_away_holds_up_its_own_errands_alone(desk):
    mine = [desk.order() for _ in range(3)]
    other = desk.order(connector="other")
    gone = desk.order(connector="gone")
    desk.crm.answers.append(AWAY)
    desk.stream.dispatch_due(NOW)
    assert [desk.state(one)[0] for one in mine] == ["prepared"] * 3
    assert [desk.row(one).attempts for one in mine] == [1, 0, 0], "one try tells for all"
    assert desk.state(other)[0] == "delivered"
    assert "declares no webhook connector gone" in (desk.state(gone)[1] or "")


def test_a_paused_playbook_tells_nobody_until_it_is_resumed(desk):
    errand_id = desk.order(desk.post.run(playbook="rests"))
    desk.post.change(schema.playbook, "rests", state="paused")
    assert desk.stream.dispatch_due(NOW) == 0
    desk.post.change(schema.playbook, "rests", state="active")
    desk.stream.dispatch_due(NOW)
    assert desk.state(errand_id)[0] == "delivered"


def test_an_ended_run_tells_colleagues_but_no_programs_any_more(desk):
    run_id = desk.post.run()
    webhook, chat = desk.order(run_id), desk.order(run_id, step="tell", kind="chat", body={"text": "It is over."})
    with desk.engine.begin() as conn:
        runs.end(conn, run_id, outcome="goal", reason="goal reached", at=NOW)
    desk.stream.dispatch_due(NOW)
    assert desk.state(webhook)[:2] == ("skipped", "run ended")
    assert desk.state(chat)[0] == "delivered"
    assert [one.text for one in desk.team.said] == ["It is over."]
    assert desk.crm.taken == []


def test_nobody_is_told_what_became_of_a_message(desk):
    errand_id = desk.order(kind="chat", connector="team", body={"text": "x"})
    desk.stream.dispatch_due(NOW)
    assert desk.told(errand_id) == []


def test_many_dispatchers_share_the_work_and_none_does_it_twice(desk):
    ids = [desk.order() for _ in range(40)]
    streams = [ErrandStream(desk.engine, Outside(webhook=desk.caller, chat=lambda _: desk.team)) for _ in range(4)]
    threads = [threading.Thread(target=stream.dispatch_due, args=(NOW,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stream in streams:
        stream.close()
    assert sorted(one.id for one in desk.crm.taken) == sorted(desk.row(one).request_id for one in ids)


def test_a_dispatcher_that_runs_is_woken_by_an_order_and_ends_when_told(desk):
    clock = ErrandStream(desk.engine, Outside(webhook=desk.caller, chat=lambda _: desk.team), clock=lambda _: NOW)
    stop = threading.Event()
    thread = threading.Thread(target=clock.run, args=(stop,))
    thread.start()
    errand_id = desk.order()
    try:
        until(lambda: desk.state(errand_id)[0] == "delivered")
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_real_receiver_is_told_until_it_takes_it(database):
    engine = engine_of(database)
    desk = Desk(engine)
    with Receiver() as receiver:
        receiver.answers = deque([["reset"], reply(503, retry_after="30"), reply(200, b'{"ticket": "T-1"}')])
        settings = HttpSettings(url=receiver.url(), allow_private=True, total_seconds=PATIENCE)
        caller = HttpCaller(settings, lambda _name: None)
        stream = ErrandStream(engine, Outside(webhook=lambda _name: caller, chat=lambda _name: desk.team))
        errand_id = desk.order(resends=1, returns={"ticket": "text"})
        for minutes in (0, 5, 10):
            stream.dispatch_due(NOW + timedelta(minutes=minutes))
        stream.close()
    assert desk.state(errand_id)[0] == "delivered"
    assert desk.told(errand_id)[0]["returned"] == {"ticket": "T-1"}
    assert {one.headers["webhook-id"] for one in receiver.received} == {desk.row(errand_id).request_id}
    assert len(receiver.received) == 3
