"""One list of facts of all kinds on its way in: a verdict for each, in the order in which they were learned."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from engine.facts import AccountFact, IncomingFact, MetricFact, ValueLine, account_key, dated_in, has_bare_dates
from store import schema
from store.erased import erased_among
from store.intake import events, people, records, values
from store.intake.accounts import account_zones, locked_accounts, make_accounts
from store.intake.report import IntakeReport, Refusal, Verdict, no_account
from store.intake.staging import Shape, Staged, Statement, json_cell
from store.intake.turns import turns


@dataclass(frozen=True)
class Told:
    """A fact, its place in the list, and when Tenure learns it."""

    n: int
    fact: IncomingFact
    learned_at: datetime


class Batch:
    """Facts and their verdicts; what no statement objects to is new."""

    def __init__(self, conn: sa.Connection, facts: Iterable[tuple[IncomingFact, datetime]]) -> None:
        self._conn = conn
        told = [Told(n, fact, learned_at) for n, (fact, learned_at) in enumerate(facts)]
        told.sort(key=lambda one: one.learned_at)
        self._told = _without_bare_dates(conn, told)
        self._verdicts: dict[int, Verdict] = {}
        self._messages: dict[int, str] = {}

    def judge(self) -> None:
        """Write all that is news, with change rows."""
        self._ids = self._accounts()
        self._values([one for one in self._known() if one.fact.kind in ("account", "metric")])
        self._people()
        self._contacts()
        self._records()
        self._events()

    def report(self) -> IntakeReport:
        """What became of them."""
        tally = Counter(self._verdicts.values())
        fresh = [one for one in self._told if self._verdicts.get(one.n, "new") in ("new", "correction")]
        return IntakeReport(
            counts=dict(sorted(Counter(one.fact.kind for one in fresh).items())),
            corrections=tally["correction"],
            repeats=tally["repeat"],
            outdated=tally["outdated"],
            fresh=tuple(sorted(one.n for one in fresh)),
            problems=tuple(self._refusals()),
        )

    def _refusals(self) -> Iterable[Refusal]:
        for one in sorted(self._told, key=lambda one: one.n):
            why: Literal["conflict", "unknown_account", "erased"]
            match self._verdicts.get(one.n):
                case "conflict":
                    why = "conflict"
                case "unknown_account":
                    why = "unknown_account"
                case "erased":
                    why = "erased"
                case _:
                    continue
            yield Refusal(n=one.n, fact=one.fact, why=why, message=self._messages[one.n])

    def _known(self) -> list[Told]:
        return [one for one in self._told if one.n not in self._verdicts]

    def _accounts(self) -> dict[str, int]:
        """Make the accounts that are new, find and lock all that are named, refuse facts about others."""
        first: dict[str, Told] = {}
        for one in self._told:
            if one.fact.kind == "account":
                first.setdefault(one.fact.key, one)
        made = make_accounts(self._conn, ((key, one.learned_at) for key, one in first.items()))
        self._makers = {first[key].n for key in made}
        ids = locked_accounts(self._conn, {key for one in self._told if (key := account_key(one.fact)) is not None})
        for one in self._told:
            key = account_key(one.fact)
            if key is not None and key not in ids:
                self._verdicts[one.n] = "unknown_account"
                self._messages[one.n] = no_account(key)
        return ids

    def _values(self, told: Sequence[Told]) -> None:
        lines: list[ValueLine] = []
        owners: list[Told] = []
        for one in told:
            for line in _lines(one):
                lines.append(line)
                owners.append(one)
        verdicts = values.judge_values(self._conn, lines) if lines else {}
        news = {owner.n for place, owner in enumerate(owners) if place not in verdicts} | self._makers
        self._verdicts.update((one.n, "repeat") for one in told if one.n not in news)
        for place, verdict in verdicts.items():
            if verdict == "conflict":
                n = owners[place].n
                self._verdicts[n] = "conflict"
                self._messages[n] = values.CONFLICT.format(field=lines[place].field)

    def _people(self) -> None:
        told = [(one, one.fact) for one in self._told if one.fact.kind == "person"]
        for turn in turns(told, lambda pair: pair[1].key):
            rows = [people.person_row(one.n, fact, one.learned_at) for one, fact in turn]
            self._hear(self._staged(people.PERSON, rows, people.PEOPLE), "")

    def _contacts(self) -> None:
        self._leave_out_erased()
        told = [(one, one.fact) for one in self._known() if one.fact.kind == "contact"]
        for turn in turns(told, lambda pair: (pair[1].account, pair[1].key)):
            rows = [people.contact_row(one.n, fact, self._ids[fact.account], one.learned_at) for one, fact in turn]
            self._hear(self._staged(people.CONTACT, rows, people.CONTACTS), people.CONFLICT)

    def _leave_out_erased(self) -> None:
        told = [(one.n, one.fact) for one in self._known() if one.fact.kind == "contact"]
        contacts = [(fact.account, fact.key, fact.email) for _, fact in told]
        for place in erased_among(self._conn, contacts) if contacts else ():
            self._verdicts[told[place][0]] = "erased"
            self._messages[told[place][0]] = people.ERASED

    def _records(self) -> None:
        told = [(one, one.fact) for one in self._known() if one.fact.kind == "record"]
        for turn in turns(told, lambda pair: (pair[1].record, pair[1].key)):
            rows = [records.record_row(one.n, fact, self._ids[fact.account], one.learned_at) for one, fact in turn]
            self._hear(records.judge_records(self._conn, rows), records.CONFLICT)

    def _events(self) -> None:
        told = [(one, one.fact) for one in self._known() if one.fact.kind == "event"]
        verdicts = events.judge_events(self._conn, [events.event_line(fact, one.learned_at) for one, fact in told])
        self._hear({told[place][0].n: verdict for place, verdict in verdicts.items()}, events.CONFLICT)

    def _staged(self, shape: Shape, rows: Sequence[tuple[object, ...]], statement: Statement) -> dict[int, Verdict]:
        return {row.n: row.verdict for row in Staged.of(self._conn, shape, rows).execute(statement)}

    def _hear(self, verdicts: dict[int, Verdict], conflict: str) -> None:
        self._verdicts.update(verdicts)
        self._messages.update((n, conflict) for n, verdict in verdicts.items() if verdict == "conflict")


def _lines(told: Told) -> Iterable[ValueLine]:
    fact = told.fact
    if isinstance(fact, MetricFact):
        number = None if fact.value is None else repr(fact.value)
        yield ValueLine(fact.account, f"metric.{fact.metric}", number, _instant(fact), told.learned_at)
    elif isinstance(fact, AccountFact):
        for name, value in fact.fields.items():
            text = None if value is None else json_cell(value)
            yield ValueLine(fact.key, name, text, _instant(fact), told.learned_at)


def _instant(fact: AccountFact | MetricFact) -> datetime | None:
    assert fact.at is None or isinstance(fact.at, datetime)  # bare dates are gone by now
    return fact.at


def _without_bare_dates(conn: sa.Connection, told: list[Told]) -> list[Told]:
    bare = {account_key(one.fact) for one in told if has_bare_dates(one.fact)}
    if not bare:
        return told
    default = conn.execute(sa.select(schema.workspace.c.document["zone"].astext)).scalar() or "UTC"
    zones = account_zones(conn, [key for key in bare if key])
    for one in told:
        if isinstance(one.fact, AccountFact) and isinstance(zone := one.fact.fields.get("account.zone"), str):
            zones.setdefault(one.fact.key, zone)
    return [
        Told(one.n, dated_in(one.fact, zones.get(account_key(one.fact) or "", default)), one.learned_at)
        if has_bare_dates(one.fact)
        else one
        for one in told
    ]
