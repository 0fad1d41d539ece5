"""Take facts in: raw rows with both their times, idempotent, set by set, and a change row for whatever they touch.

It never looks at what facts mean for an account now; that is the projection's business, in the sweep.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.facts import (
    AccountFact,
    EventFact,
    IncomingFact,
    MetricFact,
    RecordFact,
    account_key,
    dated_in,
    fact_hash,
    has_bare_dates,
)
from store import schema

Verdict = Literal["new", "correction", "repeat", "outdated", "conflict", "unknown_account"]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A fact that was not taken in as told: `n` is its place in the list, from 0; the others are not affected."""

    n: int
    fact: IncomingFact
    why: Literal["conflict", "unknown_account"]
    message: str


@dataclass(frozen=True, kw_only=True)
class IntakeReport:
    """What became of a list of facts."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """New facts by kind, corrections included."""
    corrections: int = 0
    repeats: int = 0
    outdated: int = 0
    """Told with an earlier source time than what is in force; kept where versions are kept, without effect now."""
    fresh: tuple[int, ...] = ()
    """The places, from 0, of the facts that were news: new ones and corrections."""
    problems: tuple[Refusal, ...] = ()

    @property
    def taken(self) -> int:
        return sum(self.counts.values())


def take_in(conn: sa.Connection, facts: Iterable[IncomingFact], *, known_at: datetime) -> IntakeReport:
    """Write facts that Tenure learns at `known_at`, in the caller's transaction. Telling them again changes nothing."""
    return take_in_dated(conn, ((fact, known_at) for fact in facts))


def take_in_dated(conn: sa.Connection, facts: Iterable[tuple[IncomingFact, datetime]]) -> IntakeReport:
    """The same for facts that each bring the instant at which they were learned; the later-learned are judged later."""
    told = [_Told(n, fact, known_at) for n, (fact, known_at) in enumerate(facts)]
    told.sort(key=lambda one: one.known_at)
    told = _without_bare_dates(conn, told)
    batch = _Batch(conn)
    batch.accounts(told)
    for kind, take in _TAKERS:
        mine = [one for one in told if one.fact.kind in kind and one.n not in batch.verdicts]
        if mine:
            take(batch, mine)
    batch.note_changes()
    return batch.report(told)


def account_zones(conn: sa.Connection) -> dict[str, str]:
    """The time zones of accounts that have their own, by the account's key."""
    return {row.key: row.zone for row in conn.execute(_ZONES, {"keys": None})}


def account_keys(conn: sa.Connection) -> set[str]:
    """The keys of all accounts."""
    return set(conn.execute(sa.select(schema.account.c.key)).scalars())


@dataclass(frozen=True)
class _Told:
    n: int
    fact: IncomingFact
    known_at: datetime

    def at(self) -> datetime | None:
        return getattr(self.fact, "at", None)  # bare dates are gone by now


class _Batch:
    """The state of one intake: ids of accounts, a verdict per fact, and what was touched."""

    def __init__(self, conn: sa.Connection) -> None:
        self.conn = conn
        self.ids: dict[str, int] = {}
        self.verdicts: dict[int, Verdict] = {}
        self.messages: dict[int, str] = {}
        self.touched: set[int] = set()
        self.makers: set[int] = set()
        self.events: list[tuple[int, int]] = []

    def accounts(self, told: Sequence[_Told]) -> None:
        """Make the accounts that are new, find and lock all that are named, refuse facts about others."""
        first: dict[str, _Told] = {}
        for one in told:
            if isinstance(one.fact, AccountFact):
                first.setdefault(one.fact.key, one)
        if first:
            rows = [{"key": key, "learned_at": one.known_at} for key, one in sorted(first.items())]
            for made in self.conn.execute(_NEW_ACCOUNTS, {"rows": _json(rows)}):
                self.touched.add(made.id)
                self.makers.add(first[made.key].n)
        keys = sorted({key for one in told if (key := account_key(one.fact)) is not None})
        if keys:
            # Locked in order of id: two intakes about the same account judge one after the other, without deadlock.
            self.ids = {row.key: row.id for row in self.conn.execute(_LOCKED_ACCOUNTS, {"keys": keys})}
        for one in told:
            key = account_key(one.fact)
            if key is not None and key not in self.ids:
                self.verdicts[one.n] = "unknown_account"
                self.messages[one.n] = f'there is no account "{key}"; tell the account first'

    def values(self, told: Sequence[_Told]) -> None:
        lines: list[tuple[_Told, str, Any]] = []
        for one in told:
            if isinstance(one.fact, AccountFact):
                self.verdicts[one.n] = "new" if one.n in self.makers else "repeat"
                lines += [(one, name, value) for name, value in one.fact.fields.items()]
            elif isinstance(one.fact, MetricFact):
                self.verdicts[one.n] = "repeat"
                lines.append((one, f"metric.{one.fact.metric}", one.fact.value))
        for turn in _turns(lines, lambda line: (account_key(line[0].fact), line[1])):
            rows = [
                {
                    "n": place,
                    "account_id": self.ids[account_key(one.fact) or ""],
                    "field": name,
                    "value": value,
                    "at": one.at(),
                    "learned_at": one.known_at,
                }
                for place, (one, name, value) in enumerate(turn)
            ]
            for row in self.conn.execute(_VALUES, {"rows": _json(rows)}):
                one, name, _ = turn[row.n]
                if row.verdict == "conflict":
                    self.messages[one.n] = f"{name} has another value from the same instant; the first one stays"
                    self.verdicts[one.n] = "conflict"
                elif row.verdict == "new":
                    self.touched.add(row.account_id)
                    if self.verdicts[one.n] == "repeat":
                        self.verdicts[one.n] = "new"

    def contacts(self, told: Sequence[_Told]) -> None:
        for turn in _turns(told, lambda one: (one.fact.account, one.fact.key)):
            rows = [
                one.fact.model_dump(mode="json", exclude={"kind", "account"})
                | {
                    "n": one.n,
                    "account_id": self.ids[account_key(one.fact) or ""],
                    "at": one.at() or one.known_at,
                    "learned_at": one.known_at,
                }
                for one in turn
            ]
            self._judge(_CONTACTS, rows, "the contact was told differently from the same instant; the first one stays")

    def people(self, told: Sequence[_Told]) -> None:
        for turn in _turns(told, lambda one: one.fact.key):
            rows = [
                one.fact.model_dump(mode="json", exclude={"kind"}) | {"n": one.n, "learned_at": one.known_at}
                for one in turn
            ]
            self._judge(_PEOPLE, rows, "")

    def records(self, told: Sequence[_Told]) -> None:
        for turn in _turns(told, lambda one: (one.fact.record, one.fact.key)):
            rows = []
            for one in turn:
                assert isinstance(one.fact, RecordFact)
                rows.append(
                    {
                        "n": one.n,
                        "account_id": self.ids[one.fact.account],
                        "kind": one.fact.record,
                        "key": one.fact.key,
                        "starts_at": one.fact.starts_at,
                        "ends_at": one.fact.ends_at,
                        "props": one.fact.props,
                        "at": one.at() or one.known_at,
                        "learned_at": one.known_at,
                    }
                )
            told_differently = "the record was told differently from the same instant; the first one stays"
            verdicts = self._judge(_JUDGE_RECORDS, rows, told_differently)
            for verdict in ("correction", "outdated", "new"):
                some = _json([row for row in rows if verdicts[row["n"]] == verdict])
                if some != "[]":
                    if verdict == "correction":
                        self.conn.execute(_SUPERSEDE, {"rows": some})
                    self.conn.execute(_RECORDS, {"rows": some, "in_force": verdict != "outdated"})

    def take_events(self, told: Sequence[_Told]) -> None:
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        again: list[dict[str, Any]] = []
        for one in told:
            fact = one.fact
            assert isinstance(fact, EventFact)
            row: dict[str, Any] = {
                "n": one.n,
                "account_id": self.ids[fact.account],
                "type": fact.type,
                "key": fact.key or fact_hash(fact),
                "at": fact.at,
                "props": fact.props,
                "learned_at": one.known_at,
            }
            if rows.setdefault((row["type"], row["key"]), row) is not row:
                again.append(row)
        inserted = self.conn.execute(_EVENTS, {"rows": _json(list(rows.values()))}).all()
        made = {(row.type, row.key) for row in inserted}
        for new in inserted:
            self.verdicts[rows[new.type, new.key]["n"]] = "new"
            self.touched.add(new.account_id)
            self.events.append((new.account_id, new.id))
        again += [row for place, row in rows.items() if place not in made]
        if again:
            self._judge(_KNOWN_EVENTS, again, "the event was told before with other content; the first one stays")

    def note_changes(self) -> None:
        if self.touched:
            self.conn.execute(
                _CHANGES,
                {
                    "accounts": sorted(self.touched),
                    "owners": [account for account, _ in self.events],
                    "events": [event for _, event in self.events],
                },
            )

    def report(self, told: Sequence[_Told]) -> IntakeReport:
        tally = Counter(self.verdicts.values())
        counts = Counter(one.fact.kind for one in told if self.verdicts[one.n] in ("new", "correction"))
        refused: dict[int, Literal["conflict", "unknown_account"]] = {
            n: verdict
            for n, verdict in self.verdicts.items()
            if verdict == "conflict" or verdict == "unknown_account"  # noqa: PLR1714 - mypy narrows only this form
        }
        return IntakeReport(
            counts=dict(sorted(counts.items())),
            corrections=tally["correction"],
            repeats=tally["repeat"],
            outdated=tally["outdated"],
            fresh=tuple(sorted(n for n, verdict in self.verdicts.items() if verdict in ("new", "correction"))),
            problems=tuple(
                Refusal(n=one.n, fact=one.fact, why=refused[one.n], message=self.messages[one.n])
                for one in sorted(told, key=lambda one: one.n)
                if one.n in refused
            ),
        )

    def _judge(self, statement: sa.TextClause, rows: Sequence[dict[str, Any]], conflict: str) -> dict[int, Verdict]:
        verdicts: dict[int, Verdict] = {}
        for row in self.conn.execute(statement, {"rows": _json(rows)}):
            verdicts[row.n] = row.verdict
            if row.verdict in ("new", "correction"):
                self.touched.update(account for account in row.accounts if account is not None)
            elif row.verdict == "conflict":
                self.messages[row.n] = conflict
        self.verdicts.update(verdicts)
        return verdicts


_TAKERS = (
    (("account", "metric"), _Batch.values),
    (("person",), _Batch.people),
    (("contact",), _Batch.contacts),
    (("record",), _Batch.records),
    (("event",), _Batch.take_events),
)


def _turns(items: Sequence[Any], identity: Any) -> list[list[Any]]:
    """Lists in which no identity occurs twice, so that one statement can judge each; later tellings come later."""
    turns: list[list[Any]] = []
    seen: defaultdict[Any, int] = defaultdict(int)
    for item in items:
        place = seen[identity(item)]
        seen[identity(item)] += 1
        if place == len(turns):
            turns.append([])
        turns[place].append(item)
    return turns


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, allow_nan=False, default=datetime.isoformat)


def _without_bare_dates(conn: sa.Connection, told: list[_Told]) -> list[_Told]:
    bare = {account_key(one.fact) for one in told if has_bare_dates(one.fact)}
    if not bare:
        return told
    default = conn.execute(sa.select(schema.workspace.c.document["zone"].astext)).scalar() or "UTC"
    zones = {row.key: row.zone for row in conn.execute(_ZONES, {"keys": sorted(key for key in bare if key)})}
    for one in told:
        if isinstance(one.fact, AccountFact) and isinstance(zone := one.fact.fields.get("account.zone"), str):
            zones.setdefault(one.fact.key, zone)
    return [
        _Told(one.n, dated_in(one.fact, zones.get(account_key(one.fact) or "", default)), one.known_at)
        if has_bare_dates(one.fact)
        else one
        for one in told
    ]


# --- SQL: rows come in as one JSON parameter, which is one round trip and no temporary table ------------------------

_NEW_ACCOUNTS = sa.text("""
    insert into account (key, learned_at)
    select key, learned_at from json_to_recordset(cast(:rows as json)) as told(key text, learned_at timestamptz)
    order by key
    on conflict (key) do nothing
    returning id, key
""")

_LOCKED_ACCOUNTS = sa.text("select key, id from account where key = any(:keys) order by id for no key update")

_ZONES = sa.text("""
    select account.key, latest.value #>> '{}' as zone
    from account cross join lateral (
        select value from account_value
        where account_id = account.id and field = 'account.zone' order by at desc, id desc limit 1
    ) as latest
    where (cast(:keys as text[]) is null or account.key = any(:keys)) and jsonb_typeof(latest.value) = 'string'
""")

# Without a source time a value holds from the instant it is learned, and is news only if it differs from what held.
_VALUES = sa.text("""
    with told as materialized (
        select * from json_to_recordset(cast(:rows as json)) as told(
            n int, account_id bigint, field text, value jsonb, at timestamptz, learned_at timestamptz)
    ), judged as materialized (
        select told.n, told.account_id, told.field, told.value, coalesce(told.at, told.learned_at) as at,
            told.learned_at,
            case
                when told.at is null and latest.id is not null and latest.value is not distinct from told.value
                    then 'repeat'
                when same.id is null then 'new'
                when same.value is not distinct from told.value then 'repeat'
                else 'conflict'
            end as verdict
        from told
        left join lateral (
            select id, value from account_value as v
            where v.account_id = told.account_id and v.field = told.field
                and v.at = coalesce(told.at, told.learned_at)
            order by id limit 1
        ) as same on true
        left join lateral (
            select id, value from account_value as v
            where v.account_id = told.account_id and v.field = told.field and v.at <= told.learned_at
            order by at desc, id desc limit 1
        ) as latest on told.at is null
    ), written as (
        insert into account_value (account_id, field, value, at, learned_at)
        select account_id, field, value, at, learned_at from judged
        where verdict = 'new' order by account_id, field, n
    )
    select n, account_id, verdict from judged
""")

_CONTACTS = sa.text("""
    with told as materialized (
        select * from json_to_recordset(cast(:rows as json)) as told(
            n int, account_id bigint, key text, name text, first_name text, email text, roles text[], zone text,
            locale text, do_not_contact boolean, at timestamptz, learned_at timestamptz)
    ), judged as materialized (
        select told.*,
            case
                when c.id is null then 'new'
                when (c.name, c.first_name, c.email, c.roles, c.zone, c.locale, c.do_not_contact) is not distinct from
                    (told.name, told.first_name, told.email, told.roles, told.zone, told.locale, told.do_not_contact)
                    then 'repeat'
                when told.at > c.at then 'correction'
                when told.at < c.at then 'outdated'
                else 'conflict'
            end as verdict
        from told left join contact as c on c.account_id = told.account_id and c.key = told.key
    ), written as (
        insert into contact
            (account_id, key, name, first_name, email, roles, zone, locale, do_not_contact, at, learned_at)
        select account_id, key, name, first_name, email, roles, zone, locale, do_not_contact, at, learned_at
        from judged where verdict in ('new', 'correction') order by account_id, key
        on conflict (account_id, key) do update set
            name = excluded.name, first_name = excluded.first_name, email = excluded.email, roles = excluded.roles,
            zone = excluded.zone, locale = excluded.locale, do_not_contact = excluded.do_not_contact, at = excluded.at,
            learned_at = excluded.learned_at
    )
    select n, array[account_id] as accounts, verdict from judged
""")

# Colleagues have no source time: the last word counts.
_PEOPLE = sa.text("""
    with told as materialized (
        select * from json_to_recordset(cast(:rows as json)) as told(
            n int, key text, name text, email text, role text, manager text, learned_at timestamptz)
    ), judged as materialized (
        select told.*,
            case
                when p.key is null then 'new'
                when (p.name, p.email, p.role, p.manager) is not distinct from
                    (told.name, told.email, told.role, told.manager) then 'repeat'
                when told.learned_at >= p.learned_at then 'correction'
                else 'outdated'
            end as verdict
        from told left join person as p on p.key = told.key
    ), written as (
        insert into person (key, name, email, role, manager, learned_at)
        select key, name, email, role, manager, learned_at from judged
        where verdict in ('new', 'correction') order by key
        on conflict (key) do update set
            name = excluded.name, email = excluded.email, role = excluded.role, manager = excluded.manager,
            learned_at = excluded.learned_at
    )
    select n, array[]::bigint[] as accounts, verdict from judged
""")

_TOLD_RECORDS = """
    select * from json_to_recordset(cast(:rows as json)) as told(
        n int, account_id bigint, kind text, key text, starts_at timestamptz, ends_at timestamptz, props jsonb,
        at timestamptz, learned_at timestamptz)
"""

_JUDGE_RECORDS = sa.text(f"""
    with told as materialized ({_TOLD_RECORDS}), judged as (
        select told.n, array[told.account_id, r.account_id] as accounts,
            case
                when r.id is null then 'new'
                when (r.account_id, r.starts_at, r.ends_at, r.props) is not distinct from
                    (told.account_id, told.starts_at, told.ends_at, told.props) and told.at >= r.at then 'repeat'
                when exists (
                    select from record as v
                    where v.kind = told.kind and v.key = told.key and v.at = told.at
                        and (v.account_id, v.starts_at, v.ends_at, v.props) is not distinct from
                            (told.account_id, told.starts_at, told.ends_at, told.props)
                ) then 'repeat'
                when told.at > r.at then 'correction'
                when told.at < r.at then 'outdated'
                else 'conflict'
            end as verdict
        from told
        left join record as r on r.kind = told.kind and r.key = told.key and r.superseded_at is null
    )
    select n, accounts, verdict from judged
""")  # noqa: S608 - joined from constants

_SUPERSEDE = sa.text(f"""
    update record set superseded_at = told.learned_at from ({_TOLD_RECORDS}) as told
    where record.kind = told.kind and record.key = told.key and record.superseded_at is null
""")  # noqa: S608 - joined from constants

_RECORDS = sa.text(f"""
    insert into record (account_id, kind, key, starts_at, ends_at, props, at, learned_at, superseded_at)
    select account_id, kind, key, starts_at, ends_at, props, at, learned_at,
        case when not cast(:in_force as boolean) then learned_at end
    from ({_TOLD_RECORDS}) as told order by account_id, kind, starts_at, n
""")  # noqa: S608 - joined from constants

_EVENTS = sa.text("""
    insert into event (account_id, type, key, at, props, learned_at)
    select account_id, type, key, at, props, learned_at
    from json_to_recordset(cast(:rows as json)) as told(
        account_id bigint, type text, key text, at timestamptz, props jsonb, learned_at timestamptz)
    order by account_id, type, at, key
    on conflict (type, key) do nothing
    returning id, account_id, type, key
""")

_KNOWN_EVENTS = sa.text("""
    select told.n, array[]::bigint[] as accounts,
        case when (e.account_id, e.at, e.props) is not distinct from (told.account_id, told.at, told.props)
            then 'repeat' else 'conflict' end as verdict
    from json_to_recordset(cast(:rows as json)) as told(
        n int, account_id bigint, type text, key text, at timestamptz, props jsonb)
    join event as e on e.type = told.type and e.key = told.key
""")

_CHANGES = sa.text("""
    with noted as (
        insert into change (account_id, event_id)
        select account_id, null from unnest(cast(:accounts as bigint[])) as touched(account_id)
        union all
        select account_id, event_id
        from unnest(cast(:owners as bigint[]), cast(:events as bigint[])) as happened(account_id, event_id)
    )
    select pg_notify('tenure_facts', '')
""")
