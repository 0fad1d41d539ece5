"""Mail is sent at most once though dispatchers are killed at every point and the server answers late or not at all."""

import collections
import random
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.databases import engine_of
from tests.mailing import NOW, Post

ROOT = Path(__file__).resolve().parents[2]
MAILS = 90
POINTS = [
    *("after claiming", "before the commit of handing over", "before handing over", "after handing over"),
    *("in the middle of the content", "before the last dot", "after the last dot", "after the answer"),
    "before the commit of settling",
]


@pytest.fixture
def engine(database):
    return engine_of(database)


def test_no_mail_leaves_twice_and_none_is_lost_without_a_word(engine, receiver, order, capsys):
    post, received = Post(engine), receiver[0].received
    post.mail()
    order([], NOW)
    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(MAILS)))
    chance, now, killed, rounds = random.Random(11), NOW, 0, 0
    plan = [[(point, chance.randint(1, 4))] for point in POINTS for _ in range(2)]
    plan += [[("time", chance.randint(5, 150)), ("time", chance.randint(5, 150))] for _ in range(6)]
    chance.shuffle(plan)
    for points in plan:
        # Every round is later than any parked mail waits for.
        now += timedelta(hours=2)
        killed += order(points, now)
        rounds += 1
    deadline = time.monotonic() + 300
    while post.states() & {"prepared", "handing_over"}:
        assert time.monotonic() < deadline
        now += timedelta(hours=2)
        order([["never", 1]], now)
        rounds += 1
    ends = collections.Counter(_end(post.find(mail_id), received) for mail_id in ids)
    with capsys.disabled():
        counts = ", ".join(f"{ends[end]} {end}" for end in ("once", "unknown", "other"))
        sys.stdout.write(f"\n{MAILS} mails, {rounds} rounds of dispatchers, {killed} killed: {counts}\n")
    assert ends["other"] == 0
    assert ends["once"] > MAILS / 2
    assert ends["unknown"] > 0
    assert max(received.values()) == 1
    assert len(post.told(run_id)) == 1


def _end(mail, received):
    times = received[mail.message_id]
    if mail.state == "sent" and times == 1:
        return "once"
    if mail.state == "unknown" and times <= 1:
        return "unknown"
    return "other"
