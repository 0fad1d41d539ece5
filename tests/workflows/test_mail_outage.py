"""The provider is away for a day: nothing is lost, nothing leaves twice; its backlog keeps to rate, window, order."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.email.memory import MemoryTransport
from connectors.errors import RateLimited, Unavailable
from engine.workspace import load_workspace
from store import mails, schema
from store.deploying.deploy import deploy
from tests.databases import engine_of
from tests.mailing import NOW, Post
from workflows.mail_stream import MailStream

pytestmark = pytest.mark.faults

# A Monday, eight o'clock in UTC.
MONDAY = NOW.replace(day=23, hour=8)
RUNS, STEPS, PER_HOUR = 24, 3, 12
HOUR = timedelta(hours=1)
POLICY = b'name: Corp\nmail: { window: { opens: "08:00", closes: "18:00" } }\n'


class Provider(MemoryTransport):
    """Away until a moment, and then takes so many an hour; by the clock of the test."""

    def __init__(self, back_at):
        super().__init__()
        self.back_at, self.now = back_at, MONDAY
        self.times = []

    def deliver(self, mail, hand_over):
        if self.now < self.back_at:
            raise Unavailable("nobody answers")
        this_hour = [time for time in self.times if time > self.now - HOUR]
        if len(this_hour) >= PER_HOUR:
            raise RateLimited("slowly", this_hour[-PER_HOUR] + HOUR - self.now)
        accepted = super().deliver(mail, hand_over)
        self.times.append(self.now)
        return accepted


@pytest.fixture
def engine(database):
    return engine_of(database)


def test_a_day_without_the_provider_costs_time_alone(engine):
    with engine.begin() as conn:
        deploy(conn, load_workspace({"tenure.yaml": POLICY}), [], NOW)
    post, provider = Post(engine), Provider(MONDAY + timedelta(days=1))
    stream = MailStream(engine, {"email": provider})
    runs = {run_id: post.contact(run_id) for run_id in (post.run() for _ in range(RUNS))}
    step: Counter[int] = Counter()

    def go_on(now):
        """Each run writes its next mail when the last is settled, as the interpreter does."""
        settled = {run_id for run_id, told in ((one, len(post.told(one))) for one in runs) if told == step[run_id]}
        for run_id in sorted(settled):
            if step[run_id] < STEPS:
                step[run_id] += 1
                draft = post.draft(run_id, runs[run_id], step=f"s{step[run_id]}", due_at=now, plain=str(step[run_id]))
                with engine.begin() as conn:
                    mails.prepare(conn, draft, now)

    now = MONDAY
    while sum(step.values()) < RUNS * STEPS or post.states() & {"prepared", "handing_over"}:
        provider.now = now
        go_on(now)
        stream.dispatch_due(now)
        with engine.begin() as conn:
            due = mails.next_due(conn, "email")
        now = max(due or now, now + timedelta(minutes=10))
        assert now < MONDAY + timedelta(days=9)
    stream.close()
    received = Counter(mail.message_id for mail in provider.taken)
    assert set(received.values()) == {1}
    with engine.begin() as conn:
        assert set(conn.execute(sa.select(schema.mail.c.message_id)).scalars()) == set(received)
        owner = dict(conn.execute(sa.select(schema.mail.c.message_id, schema.mail.c.run_id)).all())
    order = defaultdict(list)
    for mail in provider.taken:
        order[owner[mail.message_id]].append(mail.plain)
    assert set(map(tuple, order.values())) == {("1", "2", "3")}
    assert all(8 <= time.hour < 18 and time.weekday() < 5 for time in provider.times)
    for time in provider.times:
        assert sum(time - HOUR < other <= time for other in provider.times) <= PER_HOUR
    assert {len(post.told(run_id)) for run_id in runs} == {STEPS}
