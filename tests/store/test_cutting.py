"""Of a race whose turns were lost, what its losers had queued is held back although the run never asks for it again."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.interpreter import Run, fresh
from engine.turns.runtime import Act, Entry, Fact, Receipt
from store import schema
from store.inbox import tasks
from store.running import runs
from tests.authoring import compiled, with_steps
from tests.databases import engine_of
from tests.mailing import NOW, Post

RACE = """\
  - parallel:
      - - id: call
          task: { title: Call, assign: csm, due: 2 days, outcomes: [reached] }
      - - id: mark
          set: { account.note: asked }
        - id: mail
          email: { template: hello, to: champion }
      - - id: first
          set: { account.note: asked }
        - id: look
          task: { title: Look, assign: csm, due: 2 days, outcomes: [seen] }
    join: any
  - wait: 30 days
"""
RECEIPTS = {
    "task": Receipt(outcome="done", values={"outcome": "open"}),
    "set": Receipt(outcome="done", values={"outcome": "set"}),
    "email": Receipt(outcome="done", values={"outcome": "queued"}),
}


@pytest.fixture
def post(database):
    return Post(engine_of(database))


def walk(*heard):
    """Its steps that act, in their order, and its lines, until it rests."""
    compilation = compiled(with_steps(RACE))
    assert compilation.compiled is not None
    entries: list[Entry] = []
    acted: list[Act] = []
    run = Run(compilation.compiled.plan, fresh(NOW), entries.append)
    for fact in heard:
        run.hear(fact)
    while (turn := run.advance(NOW)) and not turn.rest:
        for ask in turn.reads:
            ask.answer = {"place": {"zone": "UTC"}}
        for ask in turn.acts:
            assert isinstance(ask.question, Act)
            acted.append(ask.question)
            ask.answer = RECEIPTS.get(ask.question.verb, Receipt(outcome="done"))
    return acted, entries


def lines_of(acted):
    return [
        {"run_id": None, "seq": 100 + i, "at": NOW, "path": act.path, "what": act.verb}
        | {"detail": {"step": act.step, **RECEIPTS[act.verb].values}}
        for i, act in enumerate(acted)
    ]


def test_what_losers_queued_in_turns_that_were_lost_never_leaves(post):
    lost, _ = walk()
    assert [act.step for act in lost] == ["call", "mark", "first", "mail", "look"]
    answer = Fact(n=2, at=NOW, kind="task", of="call", values={"visit": 1, "outcome": "reached"})
    again, entries = walk(answer)
    assert "mail" not in [act.step for act in again], "the run asks for it no more, so it cannot withdraw it"
    run_id, other = post.run(), post.run()
    mine, kept = post.mail(run_id, step="mail"), post.mail(run_id, step="elsewhere")
    others = post.mail(other, step="mail")
    with post.engine.begin() as conn:
        conn.execute(sa.insert(schema.trace), [line | {"run_id": run_id} for line in lines_of(lost)])
        account_id = conn.execute(sa.select(schema.run.c.account_id).where(schema.run.c.id == run_id)).scalar_one()
        for step in ("call", "look"):
            tasks.open_task(
                conn, run_id=run_id, account_id=account_id, step=step, visit=1, title=step, now=NOW, assignee="kim"
            )
    for _ in range(2):
        with post.engine.begin() as conn:
            runs.note(conn, run_id, entries)
    assert (post.find(mine).state, post.find(mine).reason) == ("skipped", "another branch was faster")
    assert (post.find(kept).state, post.find(others).state) == ("prepared", "prepared")
    with post.engine.begin() as conn:
        states = dict(conn.execute(sa.select(schema.task.c.step, schema.task.c.state)).all())
    assert states == {"call": "open", "look": "withdrawn"}


def test_a_line_that_was_there_cuts_nothing_of_a_later_round(post):
    lost, _ = walk()
    run_id = post.run()
    answer = Fact(n=2, at=NOW, kind="task", of="call", values={"visit": 1, "outcome": "reached"})
    _, entries = walk(answer)
    with post.engine.begin() as conn:
        conn.execute(sa.insert(schema.trace), [line | {"run_id": run_id} for line in lines_of(lost)])
        runs.note(conn, run_id, entries)
    later = post.mail(run_id, step="mail", visit=2, due_at=NOW + timedelta(days=1))
    with post.engine.begin() as conn:
        runs.note(conn, run_id, entries)
    assert post.find(later).state == "prepared"
