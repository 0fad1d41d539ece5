"""Thousands of mails, dispatchers killed at random points, a server that is late, cuts the line and wants nothing now.

What the customer received is counted by Message-ID: once; not, or once, and marked unknown; twice only where the author
said `resend_once`, and then marked. Anything else is a fault of the ledger.
"""

import collections
import random
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.mail.seen import Seen
from store import schema
from store.responses import mail_events
from tests.databases import engine_of
from tests.mailing import NOW, Post

pytestmark = pytest.mark.faults

MAILS, RUNS, ROUNDS = 1000, 20, 34
POINTS = [
    *("after claiming", "before the commit of handing over", "before handing over", "after handing over"),
    *("in the middle of the content", "before the last dot", "after the last dot", "after the answer"),
    "before the commit of settling",
]


@pytest.fixture
def engine(database):
    return engine_of(database)


def prepare(post, on_unknown):
    """Mails of many runs, written at once."""
    runs = [post.run() for _ in range(RUNS)]
    drafts = []
    for number, run_id in enumerate(runs):
        first = post.draft(run_id, post.contact(run_id), on_unknown=on_unknown, priority=number % 3)
        rows = [
            {"account_id": first.account_id, "key": f"k{n}", "name": "Kim", "email": f"r{run_id}k{n}@customer.test"}
            | {"at": NOW, "learned_at": NOW}
            for n in range(MAILS // RUNS)
        ]
        with post.engine.begin() as conn:
            conn.execute(sa.insert(schema.contact), rows)
            of = sa.select(schema.contact.c.id, schema.contact.c.email).where(schema.contact.c.key != first.to_name)
            found = conn.execute(of.where(schema.contact.c.account_id == first.account_id)).all()
        drafts += [replace(first, contact_id=row.id, to_address=row.email) for row in found]
    # Some come due in every round, or the first would leave nothing for the others.
    drafts = [replace(one, due_at=NOW + timedelta(hours=2) * (n % ROUNDS)) for n, one in enumerate(drafts)]
    ids = []
    for start in range(0, len(drafts), 300):
        ids += post.prepare(*drafts[start : start + 300])
    return runs, ids


def rows(engine):
    names = ("id", "message_id", "state", "reason", "again", "resends")
    with engine.begin() as conn:
        return conn.execute(sa.select(*(schema.mail.c[name] for name in names)).order_by(schema.mail.c.id)).all()


def tell_of_some(engine, received, chance, now):
    """The provider's events come for some of the mails that nobody knows of: only for those that have arrived."""
    seen = [
        Seen(message_id=row.message_id, type="delivered", key=row.message_id, at=now)
        for row in rows(engine)
        if row.state == "unknown" and received[row.message_id] and chance.random() < 0.4
    ]
    with engine.begin() as conn:
        return mail_events.take_in(conn, seen, now).settled


def end(row, received):
    times = received[row.message_id]
    marked = row.resends > 0 and (row.state == "unknown" or "possibly received twice" in (row.reason or ""))
    if row.state == "sent" and times == 1:
        return "once"
    if row.state == "sent" and times == 2 and marked:
        return "twice, marked"
    if row.state == "unknown" and times <= 1 + (marked and times == 2):
        return f"unknown, received {('never', 'once', 'twice, marked')[times]}"
    return "other"


@pytest.mark.parametrize("on_unknown", ["ask", "resend_once"])
def test_what_customers_received_is_what_the_ledger_says(engine, receiver, order, capsys, on_unknown):
    post, received = Post(engine), receiver[0].received
    receiver[0].share = 0.02
    post.mail()
    order([], NOW)
    runs, _ = prepare(post, on_unknown)
    chance, now, killed, rounds, by_events = random.Random(19), NOW, 0, 0, 0
    plan = [[(chance.choice(POINTS), chance.randint(1, 12)) for _ in range(3)] for _ in range(24)]
    plan += [[("time", chance.randint(20, 300)) for _ in range(3)] for _ in range(10)]
    chance.shuffle(plan)
    deadline = time.monotonic() + 900
    while plan or any(row.state in ("prepared", "handing_over") or row.again for row in rows(engine)):
        assert time.monotonic() < deadline
        # Every round is later than any parked mail waits for, and than events have time to come in.
        now += timedelta(hours=2)
        killed += order(plan.pop() if plan else [("never", 1), ("never", 1)], now)
        by_events += tell_of_some(engine, received, chance, now)
        rounds += 1
    ledger = rows(engine)
    ends = collections.Counter(end(row, received) for row in ledger)
    with capsys.disabled():
        tried = sum(receiver[0].tried.values())
        sys.stdout.write(f"\n{on_unknown}: {len(ledger)} mails, {tried} sends tried, {rounds} rounds of dispatchers, ")
        sys.stdout.write(f"{killed} killed, {by_events} settled by events\n")
        sys.stdout.writelines(f"  {ends[what]:6} {what}\n" for what in (*sorted({*ends} - {"other"}), "other"))
    assert ends["other"] == 0, [(row, received[row.message_id]) for row in ledger if end(row, received) == "other"]
    assert ends["once"] > MAILS / 2
    assert killed > 20
    assert max(received.values()) <= (1 if on_unknown == "ask" else 2)
    if on_unknown == "resend_once":
        assert not any(row.state == "unknown" and not row.resends for row in ledger), "each was sent once more"
    # However mails end, each run hears of its step exactly once.
    assert {len(post.told(run_id)) for run_id in runs} == {1}
