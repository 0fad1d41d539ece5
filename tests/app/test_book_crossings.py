"""The book is there to be decided on: with the shipped scorecard and triggers, sixty days show enough of each kind."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.book import Book
from engine.durations import Duration
from engine.expressions import evaluate
from engine.facts import AccountFact, EventFact, IncomingFact, MetricFact, RecordFact, account_key
from engine.health.scorecards import card_for, score
from engine.plan import Compiled
from engine.project import read_project
from engine.triggers.base import Edge
from engine.workspace import Workspace

START, ACCOUNTS, DAYS = date(2026, 3, 2), 60, 60
FOLDER = Path(__file__).parents[2] / "playbooks"


class Account:
    """What the store would know about an account: enough of it to score it and to see edges."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._dates = {field.name for field in workspace.catalogue().fields.values() if field.type == "date"}
        self.values: dict[str, Any] = {}
        self._records: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self._events: list[dict[str, Any]] = []
        self._scores: list[tuple[datetime, float]] = []
        self.now = datetime.combine(START, time(0), UTC)

    def learn(self, fact: IncomingFact) -> None:
        match fact:
            case AccountFact(fields=fields):
                named = dict(fields)
                self.values |= {n: date.fromisoformat(str(v)) if n in self._dates else v for n, v in named.items()}
            case RecordFact(record=kind, key=key, starts_at=start, ends_at=end, props=props):
                self._records[kind][key] = {**props, "start": start, "end": end}
            case EventFact(type="login", at=at, props=props):
                self._events.append({**props, "at": at})
            case MetricFact(metric=metric, value=value):
                self.values[f"metric.{metric}"] = value

    def look(self, now: datetime) -> None:
        self.now = now
        self._events = [row for row in self._events if row["at"] > now - timedelta(days=28)]
        for one in self._workspace.computed:
            assert one.expression is not None
            self.values[one.name] = evaluate(one.expression.expression, self)
        card = card_for(self._workspace.cards()["health"], self)
        value = score(card, self).value if card else None
        self.values["health.score"] = value
        if value is not None:
            self._scores.append((now, value))

    @property
    def today(self) -> date:
        return self.local_date(self.now)

    def field(self, name: str) -> Any:
        return self.values.get(name)

    def local_date(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.values["account.zone"])).date()

    def highest(self, name: str, window: Duration) -> float | None:
        assert name == "health.score"
        assert window.exact is not None
        return max((value for at, value in self._scores if at >= self.now - window.exact), default=None)

    def lowest(self, name: str, window: Duration) -> float | None:
        raise NotImplementedError

    def trend(self, name: str, window: Duration) -> float | None:
        raise NotImplementedError

    def aggregate(self, node: Any, work_out: Any) -> Any:
        return work_out(self)

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        return self._events if source.startswith("event.") else list(self._records[source].values())


@pytest.fixture(scope="module")
def crossings() -> Counter[str]:
    """How often each trigger fired in an account of its audience, dwell left aside."""
    found = read_project({str(p.relative_to(FOLDER)): p.read_bytes() for p in FOLDER.rglob("*") if p.is_file()})
    assert found.workspace is not None
    recovery = found.playbooks["risk-recovery"].compiled
    assert recovery is not None
    return _count(Book(7, ACCOUNTS, START), found.workspace, recovery)


def _count(book: Book, workspace: Workspace, recovery: Compiled) -> Counter[str]:
    accounts: dict[str, Account] = {}
    tripped: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    _learn(accounts, (fact for _, fact in book.history()), workspace)
    for offset in range(DAYS):
        day = START + timedelta(days=offset)
        _learn(accounts, (fact for _, fact in book.on(day)), workspace)
        for key, account in accounts.items():
            account.look(datetime.combine(day, time(23), UTC))
            for edge in (one for one in recovery.triggers if isinstance(one, Edge)):
                if evaluate(edge.rearms.expression, account) is True:
                    tripped.discard((key, edge.id))
                elif evaluate(edge.trips.expression, account) is True and (key, edge.id) not in tripped:
                    tripped.add((key, edge.id))
                    counts[edge.id] += offset > 0 and evaluate(recovery.audience.expression, account) is True
    return counts


def _learn(accounts: dict[str, Account], facts: Iterable[IncomingFact], workspace: Workspace) -> None:
    for fact in facts:
        key = account_key(fact)
        if key is not None:
            accounts.setdefault(key, Account(workspace)).learn(fact)


def test_risks_are_seen_but_do_not_drown_anybody(crossings: Counter[str]):
    assert set(crossings) == {"turned_red", "fell_fast"}
    assert all(ACCOUNTS * 0.05 <= count <= ACCOUNTS * 0.25 for count in crossings.values()), crossings


def test_renewals_come_up_every_week():
    book = Book(7, ACCOUNTS, START)
    ahead = [(company.renewal_after(START + timedelta(days=90)) - START).days - 90 for company in book.companies]
    assert ACCOUNTS * 0.08 <= sum(days < DAYS for days in ahead) <= ACCOUNTS * 0.25
