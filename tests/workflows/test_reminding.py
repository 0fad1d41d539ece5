"""Reminders and escalations reach a colleague by mail: once, in words that say which task, why and where."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.connectors import own_tasks
from connectors.chat.memory import MemoryChat
from connectors.email.stored import StoredTransport
from connectors.errors import Misconfigured
from connectors.webhook.memory import MemoryCaller
from engine.facts import PersonFact
from engine.turns.runtime import Act
from store import clock, schema
from store.inbox import tasks
from store.running.ledger import once
from tests.mailing import NOW
from tests.workflows.outward import WORKSPACE, Stage
from workflows.acts import PERFORM
from workflows.acts.acting import Acting
from workflows.errands import ErrandStream, Outside
from workflows.ports import STREAM, Ports

DUE = NOW + timedelta(days=2)
BOSS = PersonFact(key="lee", name="Lee Park", role="manager", email="lee@corp.test")


@pytest.fixture
def stage(database):
    stage = Stage(database)
    stage.tell(BOSS)
    return stage


def give(stage, visit=1):
    params = {"title": "Call *{{ account.name }}*", "description": "", "assign": "csm", "due": DUE.isoformat()}
    stage.perform("task", "call", visit=visit, **params, checklist=[], outcomes=["reached"])


def because(stage, says="health fell below 60"):
    row = {"playbook": "outward", "version": 1, "account_id": stage.account_id, "at": NOW, "state": "started"}
    reasons = [{"trigger": "t", "kind": "edge", "says": says, "values": {}}]
    with stage.engine.begin() as conn:
        conn.execute(sa.insert(schema.crossing).values(**row, reasons=reasons, run_id=stage.run_id))


def test_the_assignee_is_reminded_once_of_which_task_why_and_where(stage):
    because(stage)
    give(stage)
    for _ in range(2):
        receipt = stage.perform("remind", "call")
    assert (receipt.outcome, receipt.values) == ("done", {"outcome": "reminded"})
    stage.send()
    (mail,) = stage.mails()
    assert (mail["to_address"], mail["person"], mail["state"], mail["category"]) == (
        *("kim@corp.test", "kim", "sent", "internal"),
    )
    assert mail["subject"] == "Due soon: Call *Acme [GmbH]* (Acme [GmbH])"
    (task,) = stage.rows(schema.task)
    link = f"https://corp.example/inbox/{task['id']}"
    assert link in mail["plain"]
    assert f'href="{link}"' in mail["html"]
    for words in ("Call *Acme [GmbH]*", "health fell below 60", "outward", "Europe/Berlin"):
        assert words in mail["plain"], words
    assert task["reminded_at"] == NOW
    assert stage.post.told(stage.run_id) == [], "nobody waits for it"


def test_an_escalation_is_told_to_the_other_person_and_says_whose_task_it_stays(stage):
    give(stage)
    stage.perform("remind", "call")
    receipt = stage.perform("escalate", "call", to="csm.manager")
    assert (receipt.outcome, receipt.values) == ("done", {"outcome": "escalated"})
    _, mail = stage.mails()
    assert (mail["to_address"], mail["step"]) == ("lee@corp.test", "call/escalate")
    assert mail["subject"].startswith("Late: Call")
    assert "It stays with Kim Lund." in mail["plain"]


@pytest.fixture
def chatty(database):
    """A house whose reminders are said in a channel as well."""
    stage = Stage(database, WORKSPACE + b"reminders: { channel: team }\n")
    stage.tell(BOSS)
    yield stage
    stage.engine.dispose()


def _said(stage):
    """What the channel heard, after everything that waits was sent."""
    chat = MemoryChat()
    outside = Outside(webhook=lambda _: MemoryCaller(), chat=lambda name: {"team": chat}[name])
    stream = ErrandStream(stage.engine, outside)
    with stage.engine.begin() as conn:
        now = clock.now(conn)
    stream.dispatch_due(now)
    stream.close()
    return [message.text for message in chat.said]


def test_where_the_workspace_has_a_channel_it_hears_for_whom_what_is_due_and_where(chatty):
    give(chatty)
    for _ in range(2):
        chatty.perform("remind", "call")
    chatty.perform("escalate", "call", to="csm.manager")
    assert len(chatty.mails()) == 2, "the mails go as ever"
    (task,) = chatty.rows(schema.task)
    about = "Call *Acme [GmbH]* (Acme [GmbH]), due Tuesday 2026-11-24 10:00 (Europe/Berlin)"
    about += f": https://corp.example/inbox/{task['id']}"
    assert _said(chatty) == [
        f"Kim Lund, this is due soon: {about}",
        f"Lee Park, this is late, and stays with Kim Lund: {about}",
    ]
    assert _said(chatty) == []


def test_the_channel_hears_also_where_there_is_nobody_to_write_to(chatty):
    give(chatty)
    with chatty.engine.begin() as conn:
        conn.execute(sa.update(schema.person).where(schema.person.c.key == "kim").values(email=None))
    chatty.perform("remind", "call")
    assert chatty.mails() == []
    assert len(_said(chatty)) == 1


def test_of_a_task_that_was_settled_before_it_could_be_said_the_channel_hears_nothing(chatty):
    give(chatty)
    chatty.perform("remind", "call")
    with chatty.engine.begin() as conn:
        conn.execute(sa.update(schema.task).values(state="done"))
    assert _said(chatty) == []
    (errand,) = chatty.rows(schema.errand)
    assert (errand["state"], errand["reason"]) == ("skipped", "the task is settled already")


def test_each_visit_reminds_anew(stage):
    for visit in (1, 2):
        give(stage, visit)
        stage.perform("remind", "call", visit=visit)
    assert [one["visit"] for one in stage.mails()] == [1, 2]


def test_who_took_the_task_over_is_reminded(stage):
    give(stage)
    with stage.engine.begin() as conn:
        conn.execute(sa.update(schema.task).values(assignee="lee"))
    stage.perform("remind", "call")
    assert [one["to_address"] for one in stage.mails()] == ["lee@corp.test"]


@pytest.mark.parametrize("verb", ["remind", "escalate"])
def test_of_a_settled_task_nobody_hears(stage, verb):
    give(stage)
    with stage.engine.begin() as conn:
        tasks.complete(conn, stage.rows(schema.task)[0]["id"], "reached", None, "kim", NOW)
    assert stage.perform(verb, "call", to="csm.manager").outcome == "skipped"
    assert stage.mails() == []


def test_a_mail_that_waited_until_the_task_was_settled_does_not_leave(stage):
    give(stage)
    stage.perform("remind", "call")
    with stage.engine.begin() as conn:
        tasks.complete(conn, stage.rows(schema.task)[0]["id"], "reached", None, "kim", NOW)
    stage.send()
    assert [(one["state"], one["reason"]) for one in stage.mails()] == [("skipped", "the task is settled already")]


@pytest.mark.parametrize("missing", ["address", "assignee"])
def test_nobody_to_write_to_leaves_the_task_as_reminded(stage, missing):
    give(stage)
    with stage.engine.begin() as conn:
        if missing == "address":
            conn.execute(sa.update(schema.person).where(schema.person.c.key == "kim").values(email=None))
        else:
            conn.execute(sa.update(schema.task).values(assignee=None))
    assert stage.perform("remind", "call").values == {"outcome": "reminded"}
    assert stage.mails() == []


def test_without_a_sender_nothing_is_written(database):
    lines = [line for line in WORKSPACE.splitlines() if not line.startswith(b"sender")]
    stage = Stage(database, b"\n".join(lines))
    give(stage)
    assert stage.perform("remind", "call").values == {"outcome": "reminded"}
    assert stage.mails() == []


def test_where_nobody_said_how_pages_are_reached_the_mail_goes_without_a_link(stage):
    give(stage)

    def links(_conn):
        raise Misconfigured("TENURE_PUBLIC_URL is not set")

    transport = StoredTransport(lambda _mail: None, lambda _id: True)
    ports = Ports(tasks=own_tasks, transports=lambda: {STREAM: transport}, links=links)
    act = Act(step="call", path="steps[0]", verb="remind", visit=1, seq=1, params={})
    with stage.engine.begin() as conn:
        acting = Acting.of(conn, stage.run_id, clock.now(conn), ports)
        once(conn, stage.run_id, act, lambda: PERFORM["remind"](acting, act))
    (mail,) = stage.mails()
    assert "Open the task" not in mail["plain"]


def test_a_title_that_looks_like_markup_or_a_template_is_only_text(stage):
    because(stage, says="<b>{{ 7 * 7 }}</b> [x](javascript:alert(1))")
    give(stage)
    stage.perform("remind", "call")
    (mail,) = stage.mails()
    assert "{{ 7 * 7 }}" in mail["plain"]
    assert "<b>{{" not in mail["html"]
    assert 'href="javascript' not in mail["html"]
