"""Invariant I7 for what starts: for equal facts and sweep instants, memory and PostgreSQL cross, start, hold, drop and
refuse alike, with the same reasons, keys and instants.

The runs only wait; their ends are carried out here, as a worker would, so no Temporal is needed.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.calendars import add, local_date, local_midnight
from engine.contacts import holders
from engine.durations import parse_duration
from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact
from engine.plan import Compiled
from engine.simulation import Account, Simulation
from store import clock
from store.current.sight import Sight
from store.deciding.moments import next_moment, zones_in_use
from store.deciding.sweep import sweep
from store.deploying.deploy import Publication, deploy
from store.intake import take_in
from store.running import runs
from store.schema import account, crossing, outbox, run
from tests.databases import engine_of
from tests.starts import DAYS, RUN_DAYS, T0, Case, random_case, random_playbooks, starts_workspace

Line = tuple[str, datetime, str, str]
_FATES = ("start", "held_out", "held", "lapsed", "dropped", "not_started")


class _Nobody:
    def task(self, step: str, outcomes: Sequence[str]) -> None:
        return None

    def mail(self, step: str) -> tuple[str, Sequence[Any]]:
        return "sent", ()


class _Store:
    """The cases' accounts in PostgreSQL."""

    def __init__(self, url: str, playbooks: Sequence[Compiled], cases: Sequence[Case]) -> None:
        self.engine = engine_of(url)
        self.playbooks = playbooks
        self.cases = {case.key: case for case in cases}
        self.instants: list[datetime] = []
        self.lines: dict[str, list[Line]] = {case.key: [] for case in cases}
        self._states: dict[int, str] = {}
        self._facts = sorted((fact for case in cases for fact in _told(case)), key=lambda fact: fact[0])
        self._workspace = starts_workspace()

    def walk(self) -> None:
        with self.engine.begin() as conn:
            clock.set_virtual(conn, T0)
            first = [AccountFact(key=case.key, fields=_fields(case.first, "account.")) for case in self.cases.values()]
            contacts = [_champion(key) for key in self.cases]
            metrics = [MetricFact(account=key, metric="nps", value=60.0, at=T0) for key in self.cases]
            assert not take_in(conn, [*first, *contacts, *metrics], known_at=T0).problems
            publications = [Publication(one, "", {}) for one in self.playbooks]
            deploy(conn, self._workspace, publications, T0)
        self._stop(T0)
        while (now := self._next()) is not None:
            with self.engine.begin() as conn:
                clock.set_virtual(conn, now)
                while self._facts and self._facts[0][0] <= now:
                    assert not take_in(conn, [self._facts.pop(0)[1]], known_at=now).problems
            self._stop(now)

    def _next(self) -> datetime | None:
        now, last = self.instants[-1], T0 + timedelta(days=DAYS)
        with self.engine.connect() as conn:
            due = [next_moment(conn, now), *(end for _, end in self._ends(conn))]
            zones = zones_in_use(conn, self._workspace.zone)
        due += [local_midnight(local_date(now, zone) + timedelta(days=1), zone) for zone in zones if "/" in zone]
        due += [self._facts[0][0]] if self._facts else []
        comes = min(at for at in due if at is not None and at > now)
        return comes if comes <= last else None

    def _stop(self, now: datetime) -> None:
        self.instants.append(now)
        for _ in range(20):
            report = sweep(self.engine, wait=True)
            assert report is not None
            assert not report.failed, report.failed
            self._note(now)
            if not self._end_runs(now):
                return
        raise AssertionError(f"it does not come to rest at {now}")

    def _note(self, now: datetime) -> None:
        """Crossings whose state is another than at the last look."""
        with self.engine.connect() as conn:
            query = sa.select(crossing, account.c.key.label("of")).join(account, account.c.id == crossing.c.account_id)
            rows = conn.execute(query.order_by(crossing.c.playbook, crossing.c.id)).all()
        for row in rows:
            if self._states.get(row.id) != row.state:
                self._states[row.id] = row.state
                says = " and ".join(dict.fromkeys(reason["says"] for reason in row.reasons))
                what = "start" if row.state == "started" else row.state
                self.lines[row.of].append((row.playbook, now, what, says if what == "start" else row.why))

    def _ends(self, conn: sa.Connection) -> Iterator[tuple[int, datetime]]:
        sight = Sight(conn, self._workspace, clock.now(conn))
        for row in conn.execute(sa.select(run).where(run.c.state == "open").order_by(run.c.id)).all():
            yield row.id, add(row.started_at, parse_duration(f"{RUN_DAYS} days"), sight.place_of(row.account_id))

    def _end_runs(self, now: datetime) -> bool:
        with self.engine.begin() as conn:
            told = conn.execute(sa.select(outbox).where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.id)).all()
            conn.execute(sa.update(outbox).values(delivered_at=now))
            ended = False
            for row in told:
                if row.fact and row.fact["kind"] == "end":
                    reason = row.fact["values"]["reason"]
                    ended |= runs.end(conn, row.run_id, outcome=row.fact["of"], reason=reason, at=now)
            for run_id, due in list(self._ends(conn)):
                if due <= now:
                    ended |= runs.end(conn, run_id, outcome="end", reason="worked through", at=now)
            return ended

    def runs(self, key: str) -> list[tuple[Any, ...]]:
        of = run.c
        with self.engine.connect() as conn:
            query = sa.select(of.playbook, of.started_at, of.entry_key, of.ended_at, of.outcome, of.reason)
            mine = query.join(account, account.c.id == of.account_id).where(account.c.key == key)
            return sorted((tuple(row) for row in conn.execute(mine)), key=str)


def _simulated(playbooks: Sequence[Compiled], case: Case, instants: Sequence[datetime]) -> Simulation:
    known = Account(starts_workspace(), holders(["champion"]), case.key)
    simulation = Simulation(playbooks, known, _Nobody())  # type: ignore[arg-type]  # nobody does anything
    known.learn(case.first)
    keys: set[str] = set()
    for at, what, value in case.facts:
        if what != "event":
            simulation.at(at, lambda _now, what=what, value=value: known.learn({what: value}))  # type: ignore[misc]
        elif value[1] not in keys:
            keys.add(value[1])
            happened = value[0], value[2]
            simulation.at(at, lambda now, it=happened: simulation.happened("login", now, it[1], it[0]))  # type: ignore[misc]
    simulation.stop_at(instants[0])
    for instant in instants[1:]:
        # It stops at instants of its own as well: if the store's driver had missed one, decisions would differ.
        simulation.advance(instant)
    return simulation


def _told(case: Case) -> Iterator[tuple[datetime, IncomingFact]]:
    for at, what, value in case.facts:
        if what == "event":
            yield at, EventFact(account=case.key, type="login", key=value[1], at=value[0], props=value[2])
        elif what == "metric.nps":
            yield at, MetricFact(account=case.key, metric="nps", value=value, at=at)
        else:
            yield at, AccountFact(key=case.key, fields=_fields({what: value}, "account."), at=at)


def _fields(values: dict[str, Any] | Any, start: str) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
        if name.startswith(start)
    }


def _champion(key: str) -> ContactFact:
    return ContactFact(account=key, key="c", name="Ann Ex", email="ann@acme.test", roles=("champion",))


def _plain(lines: Sequence[Line]) -> list[Line]:
    """Without the numbers of runs, which only the store has."""
    plain = [(name, at, what, re.sub(r"\b(a run|run \d+) of", "a run of", why or "")) for name, at, what, why in lines]
    return sorted(plain)


@pytest.mark.parametrize("block", [0, pytest.param(1, marks=pytest.mark.stage)])
def test_what_starts_in_memory_starts_in_the_store_and_what_does_not_says_the_same(database: str, block: int) -> None:
    workspace = starts_workspace()
    playbooks, cases = random_playbooks(block, workspace), [random_case(block * 10 + n) for n in range(10)]
    store = _Store(database, playbooks, cases)
    store.walk()
    crossed: set[str] = set()
    for case in cases:
        simulation = _simulated(playbooks, case, store.instants)
        found = [(one.playbook, one.at, one.what, one.says) for one in simulation.happenings if one.what in _FATES]
        assert _plain(store.lines[case.key]) == _plain(found), case.key
        begun = {one.run: one.at for one in simulation.happenings if one.what == "start"}
        simulated = [
            (
                one.compiled.playbook,
                begun[one.number],
                one.key,
                one.ended_at,
                one.ending.outcome if one.ending else None,
                one.ending.reason if one.ending else None,
            )
            for one in simulation.runs
        ]
        assert store.runs(case.key) == sorted(simulated, key=str), case.key
        crossed.update(line[2] for line in store.lines[case.key])
    assert "start" in crossed
