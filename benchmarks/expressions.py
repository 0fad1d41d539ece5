"""How fast a condition is evaluated in Python, and a playbook of twenty steps is compiled."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from benchmarks.measure import Figure, interleaved, timed
from engine.compile import compile_playbook
from engine.documents.document import load_document
from engine.durations import Duration
from engine.expressions import Scope, parse_expression
from engine.expressions.env import Evaluator
from engine.expressions.tree import Aggregate
from engine.texts.document import MailText
from engine.workspace import load_workspace

_ROUNDS = 9
_CALLS = 100_000
_CONDITION = 'metric.use < 30 and account.segment == "enterprise" and account.arr >= 10000'
_ROW = {"metric.use": 12.0, "account.segment": "enterprise", "account.arr": 60_000.0}
WORKSPACE = b"""
name: Bench
zone: Europe/Berlin
sender: { name: Team, address: team@bench.test }
postal_address: Example Street 1
roles: { contacts: { champion: [champion, any] }, staff: { csm: account.csm } }
metrics: { use: number }
"""
_STEPS = 20
_MOST_MS = 5


def evaluation() -> Iterator[Figure]:
    catalogue = load_workspace({"tenure.yaml": WORKSPACE}).catalogue()
    evaluator = parse_expression(_CONDITION, Scope(catalogue=catalogue), want="bool").evaluator
    row = _Row()
    assert evaluator(row) is True is _by_hand(row)

    def ours() -> None:
        for _ in range(_CALLS):
            evaluator(row)

    def by_hand() -> None:
        for _ in range(_CALLS):
            _by_hand(row)

    mine, ceiling = interleaved(_ROUNDS, lambda: timed(ours), lambda: timed(by_hand))
    rate = _CALLS / mine.cpu
    yield Figure(
        name="expressions",
        value=rate / 1e6,
        unit="M/s CPU",
        ceiling=_CALLS / ceiling.cpu / 1e6,
        target=">= 1",
        holds=rate >= 1e6,
    )


def compiling() -> Iterator[Figure]:
    workspace = load_workspace({"tenure.yaml": WORKSPACE})
    source = playbook(_STEPS)
    texts = {"hello": MailText(subject="Hello", body="Hello {{ recipient.first_name }}.\n")}

    def ours() -> None:
        compilation = compile_playbook(source, "playbook.yaml", "bench", texts, workspace)
        assert compilation.compiled is not None, compilation.problems

    def reading() -> None:
        load_document(source, "playbook.yaml")

    ours()
    mine, ceiling = interleaved(_ROUNDS, lambda: timed(ours), lambda: timed(reading))
    yield Figure(
        name="compile",
        value=1000 * mine.cpu,
        unit="ms CPU",
        ceiling=1000 * ceiling.cpu,
        target=f"< {_MOST_MS}",
        holds=1000 * mine.cpu < _MOST_MS,
        note=f"{_STEPS} steps; the ceiling reads the YAML",
    )


class _Row:
    """What an expression sees, as a dict answers it."""

    now = datetime(2026, 3, 2, tzinfo=UTC)
    today = date(2026, 3, 2)

    def field(self, name: str) -> Any:
        return _ROW[name]

    def local_date(self, at: datetime) -> date:
        return at.date()

    def highest(self, name: str, window: Duration) -> float | None:  # noqa: ARG002
        return None

    def lowest(self, name: str, window: Duration) -> float | None:  # noqa: ARG002
        return None

    def trend(self, name: str, window: Duration) -> float | None:  # noqa: ARG002
        return None

    def rows(self, source: str) -> Any:  # noqa: ARG002
        return ()

    def aggregate(self, node: Aggregate, work_out: Evaluator) -> Any:  # noqa: ARG002
        return None


def _by_hand(row: _Row) -> bool:
    use, segment, arr = row.field("metric.use"), row.field("account.segment"), row.field("account.arr")
    return use is not None and use < 30 and segment == "enterprise" and arr is not None and arr >= 10_000


def playbook(steps: int, name: str = "bench") -> bytes:
    """A playbook of so many steps: mails, waits, tasks and choices in turns."""
    kinds = [
        "  - { id: mail_%d, email: { template: hello, to: champion, from: csm } }",
        '  - { id: wait_%d, wait: "3 days" }',
        "  - { id: call_%d, task: { title: Call, assign: csm, due: 2 business days, outcomes: [reached, gone] } }",
        "  - if: metric.use < %d\n    then:\n      - { end: { reason: over } }",
    ]
    lines = [kinds[n % len(kinds)] % n for n in range(steps)]
    head = f"playbook: {name}\ntitle: Bench\n"
    rules = "triggers: [{ manual: true }]\ngoal: { when: metric.use > 60 }\nsteps:\n"
    return (head + rules + "\n".join(lines) + "\n").encode()
