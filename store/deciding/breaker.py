"""Holds starts back when too much happens at once, until a person releases or drops them; the limits are engine's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa

from engine.entry import Ruling
from engine.problems import did_you_mean
from engine.workspace.breaker import Entries, half_loaded, in_share, shifted, too_many
from engine.workspace.freshness import window_of
from store.current.sight import Sight
from store.postgres.notices import HELD
from store.postgres.pages import LARGEST_PAGE, Page, id_after, page_by_id, size
from store.postgres.statements import Row, Statement
from store.schema import account, breaker, crossing

Kind = Literal["entries", "shift", "feed"]


# --- in a sweep ------------------------------------------------------------------------------------------------------


def hold_back(
    conn: sa.Connection, sight: Sight, pending: Sequence[Row], rulings: Mapping[int, Ruling], *, trying: bool = False
) -> dict[int, Ruling]:
    """Other rulings for crossings that would start and may not yet, by id. Starts by hand are nobody's mistake.

    `trying`: nothing is written, and a breaker that would trip gets no number.
    """
    asking = [
        row for row in pending if rulings[row.id].state == "started" and row.sweep_id is not None and not row.let_go
    ]
    if sight.workspace.breaker.off or not asking:
        return {}
    found: dict[int, Ruling] = {}
    signs = _Signs(conn, sight)
    for playbook in sorted({row.playbook for row in asking}):
        mine = [row for row in asking if row.playbook == playbook]
        lately = _lately(conn, playbook, sight.now)
        trouble = _suspected(signs, playbook, mine, lately) if lately.open is None else _open(conn, playbook)
        if trouble is None:
            continue
        held = [row for row in mine if not in_share(playbook, row.account_key, trouble.share)]
        if trying:
            name = f"breaker {trouble.id}" if trouble.id else "a breaker would trip"
        else:
            number = trouble.id or _trip(conn, trouble, sight.now)
            ids = sa.cast([row.id for row in held], _IDS)
            conn.execute(sa.update(crossing).where(crossing.c.id == sa.func.any(ids)).values(breaker_id=number))
            name = f"breaker {number}"
        why = f"{name}: {trouble.why}"
        found |= {row.id: Ruling(state="held", why=why, entry_key=rulings[row.id].entry_key) for row in held}
    return found


@dataclass(frozen=True, kw_only=True)
class _Trouble:
    """Why starts of a playbook are held back."""

    id: int | None
    """None: it is not written down yet."""
    playbook: str
    kind: Kind
    why: str
    share: float


def _lately(conn: sa.Connection, playbook: str, now: datetime) -> Row:
    """Its open incident, if any, and how many entered it within the last hour and day."""
    [found] = _LATELY.read(conn, {"playbook": playbook, "now": now})
    return found


def _open(conn: sa.Connection, playbook: str) -> _Trouble | None:
    row = conn.execute(_OPEN, {"playbook": playbook}).one_or_none()
    return None if row is None else _Trouble(id=row.id, playbook=playbook, kind=row.kind, why=row.why, share=row.share)


class _Signs:
    """What looks wrong in this sweep, whatever the playbook; each looked at once, and only if somebody asks."""

    def __init__(self, conn: sa.Connection, sight: Sight) -> None:
        self._conn, self.sight = conn, sight

    @cached_property
    def accounts(self) -> int:
        [found] = _ACCOUNTS.read_column(self._conn, {"most": None})
        return int(found)

    def are_many(self, part: int, share: float) -> bool:
        """Whether so many accounts reach this percent of all, who are counted up to there and no further."""
        limits = self.sight.workspace.breaker
        if part < limits.at_least:
            return False
        [found] = _ACCOUNTS.read_column(self._conn, {"most": int(part * 100 / share) + 1 if share else None})
        return part >= int(found) * share / 100

    @cached_property
    def shift(self) -> str | None:
        return _shift(self._conn, self)

    @cached_property
    def half_loaded(self) -> str | None:
        return _half_loaded(self._conn, self.sight)


def _suspected(signs: _Signs, playbook: str, asking: Sequence[Row], lately: Row) -> _Trouble | None:
    found = _suspicion(signs, asking, Entries(now=len(asking), hour=lately.hour, day=lately.day))
    if found is None:
        return None
    kind, why = found
    return _Trouble(id=None, playbook=playbook, kind=kind, why=why, share=signs.sight.workspace.breaker.canary)


def _trip(conn: sa.Connection, trouble: _Trouble, now: datetime) -> int:
    """Write it down; its number."""
    told = {"playbook": trouble.playbook, "kind": trouble.kind, "why": trouble.why, "share": trouble.share}
    conn.execute(sa.select(sa.func.pg_notify(HELD, "")))
    number: int = conn.execute(sa.insert(breaker).values(told | {"at": now}).returning(breaker.c.id)).scalar_one()
    return number


def _suspicion(signs: _Signs, asking: Sequence[Row], entries: Entries) -> tuple[Kind, str] | None:
    limits = signs.sight.workspace.breaker
    least = min(limits.per_sweep, limits.per_hour, limits.per_day)
    many = signs.are_many(entries.now + max(entries.hour, entries.day), least)
    if many and (why := too_many(limits, entries, signs.accounts)):
        return "entries", why
    if any(reason["kind"] == "edge" for row in asking for reason in row.reasons):
        if signs.shift:
            return "shift", signs.shift
        if signs.half_loaded:
            return "feed", signs.half_loaded
    return None


def _shift(conn: sa.Connection, signs: _Signs) -> str | None:
    """How scores moved at this instant, whomever the sweep looks at; worked out only where enough of them did."""
    limits, now = signs.sight.workspace.breaker, signs.sight.now
    if not signs.are_many(_MOVED.read(conn, {"now": now})[0].moved, limits.shift_of):
        return None
    for row in _MOVES.read(conn, {"now": now}):
        if row.by is not None and (why := shifted(limits, row.card, row.moved, row.by, signs.accounts)):
            return why
    return None


def _half_loaded(conn: sa.Connection, sight: Sight) -> str | None:
    """Events of the last day that are not known yet may be on their way, as a nightly export is: a feed that looks half
    loaded by when its events happened is judged by when they came, beside the same day of the week before."""
    limits, now = sight.workspace.breaker, sight.now
    for feed, promise in sight.workspace.feeds.items():
        [told] = _HAPPENED.read(conn, {"feed": feed, "now": now})
        if not half_loaded(limits, feed, told.happened, told.mean):
            continue
        grace = max(timedelta(days=1), window_of(promise.stale_after))
        # All that happened within a day came within it, so nothing is missed by looking only now.
        [known] = _CAME.read(conn, {"feed": feed, "now": now, "grace": grace})
        if why := half_loaded(limits, feed, known.came, min(told.mean, known.soonest, known.latest)):
            return why
    return None


_IDS = sa.ARRAY(sa.BigInteger)
_OPEN = sa.select(breaker).where(breaker.c.playbook == sa.bindparam("playbook"), breaker.c.state == "open")
# Those whom a person has let go are known to be right, and count no more.
_LATELY = Statement("""
    select (select id from breaker where playbook = %(playbook)s and state = 'open') as open,
        count(*) filter (where decided_at > cast(%(now)s as timestamptz) - interval '1 hour') as hour, count(*) as day
    from crossing
    where playbook = %(playbook)s and state = 'started' and sweep_id is not null and breaker_id is null
        and decided_at > cast(%(now)s as timestamptz) - interval '1 day'
""")
_ACCOUNTS = Statement("select count(*) from (select from account limit cast(%(most)s as bigint)) as enough")
_MOVED = Statement("select count(*) as moved from score where at = %(now)s")
_HAPPENED = Statement("""
    select count(*) filter (where at > %(now)s - interval '1 day') as happened,
        cast(count(*) filter (where at <= %(now)s - interval '1 day') as float) / 7 as mean
    from event where type = %(feed)s and at > %(now)s - interval '8 days' and at <= %(now)s
""")
# Nobody knows when an event would have come that was learned later than its feed may be, as by an import: it counts
# where that makes less usual, at once or at the end of the grace.
_CAME = Statement("""
    select count(*) filter (where known > %(now)s - interval '1 day') as came,
        count(*) filter (
            where soonest > %(now)s - interval '8 days' and soonest <= %(now)s - interval '7 days'
        ) as soonest,
        count(*) filter (where latest > %(now)s - interval '8 days' and latest <= %(now)s - interval '7 days') as latest
    from (
        select known, case when known <= at + %(grace)s then known else at end as soonest,
            least(known, at + %(grace)s) as latest
        from (select at, greatest(at, learned_at) as known from event
            where type = %(feed)s and at <= %(now)s and (at > %(now)s - interval '1 day' - %(grace)s
                or at <= %(now)s - interval '7 days' and at > %(now)s - interval '8 days' - %(grace)s)
        ) as told
    ) as lately
""")
_MOVES = Statement("""
    select new.card, count(*) as moved, avg(new.value - before.value) as by
    from (
        select distinct on (account_id, card) account_id, card, at, value from score where at = %(now)s
        order by account_id, card, id desc
    ) as new
    cross join lateral (
        select value from score as old
        where old.account_id = new.account_id and old.card = new.card and old.at < new.at
        order by at desc limit 1
    ) as before
    where new.value is not null and before.value is not null
    group by new.card order by new.card
""")


# --- for the owner ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Untold:
    """What a playbook's owner has not been written to about."""

    id: int
    playbook: str
    owner: str
    why: str
    held: int


def untold(conn: sa.Connection) -> tuple[Untold, ...]:
    """Held for the caller until its transaction ends."""
    return tuple(Untold(**row) for row in conn.execute(_UNTOLD).mappings())


def mark_told(conn: sa.Connection, numbers: Sequence[int], now: datetime) -> None:
    which = breaker.c.id == sa.func.any(sa.cast(list(numbers), _IDS))
    conn.execute(sa.update(breaker).where(which).values(told_at=now))


_UNTOLD = sa.text("""
    select breaker.id, breaker.playbook, version.compiled ->> 'owner' as owner, breaker.why,
        (select count(*) from crossing where crossing.breaker_id = breaker.id) as held
    from breaker
    join playbook on playbook.id = breaker.playbook
    join playbook_version as version on version.playbook = playbook.id and version.version = playbook.version
    where breaker.told_at is null and breaker.state = 'open'
    order by breaker.id
    for update of breaker skip locked
""")


# --- by a person -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Starts of one playbook that were held back at once."""

    id: int
    playbook: str
    kind: Kind
    why: str
    at: datetime
    state: Literal["open", "released", "dropped"]
    share: float
    """Percent of the accounts that may start already."""
    held: int
    """Crossings that still wait."""
    settled_at: datetime | None
    settled_by: str | None


@dataclass(frozen=True, kw_only=True)
class HeldStart:
    """One of them."""

    crossing: int
    account: str
    at: datetime
    says: tuple[str, ...]


class NoIncident(Exception):
    """There is no open incident with this number; the message says so."""


def list_incidents(conn: sa.Connection, *, every: bool = False) -> tuple[Incident, ...]:
    """The latest first; those that are settled only when asked for."""
    return page_of_incidents(conn, every=every, limit=LARGEST_PAGE).items


def page_of_incidents(conn: sa.Connection, *, every: bool = False, after: str = "", limit: int = 50) -> Page[Incident]:
    """The same page by page."""
    query, limit = _incidents().order_by(breaker.c.id.desc()), size(limit)
    if not every:
        query = query.where(breaker.c.state == "open")
    if after:
        query = query.where(breaker.c.id < id_after(after))
    found = [_told(row) for row in conn.execute(query.limit(limit + 1))]
    return page_by_id(found, [one.id for one in found], limit)


def get_incident(conn: sa.Connection, number: int) -> Incident | None:
    row = conn.execute(_incidents().where(breaker.c.id == number)).one_or_none()
    return None if row is None else _told(row)


def _incidents() -> sa.Select[Any]:
    waiting = (
        sa.select(sa.func.count())
        .where(crossing.c.breaker_id == breaker.c.id, crossing.c.state == "held", ~crossing.c.let_go)
        .scalar_subquery()
    )
    return sa.select(breaker, waiting.label("held"))


def _told(row: sa.Row[Any]) -> Incident:
    return Incident(**{name: getattr(row, name) for name in Incident.__dataclass_fields__})


def held_starts(conn: sa.Connection, number: int, *, after: str = "", limit: int = 50) -> Page[HeldStart]:
    """The accounts that wait, by key."""
    _incident(conn, number)
    limit = size(limit)
    query = (
        sa.select(crossing.c.id, account.c.key, crossing.c.at, crossing.c.reasons)
        .join(account, account.c.id == crossing.c.account_id)
        .where(crossing.c.breaker_id == number, crossing.c.state == "held", ~crossing.c.let_go)
        .order_by(account.c.key, crossing.c.id)
        .limit(limit + 1)
    )
    if after:
        last, _, key = after.partition("_")
        place = sa.tuple_(sa.literal(key, account.c.key.type), sa.literal(id_after(last), crossing.c.id.type))
        query = query.where(sa.tuple_(account.c.key, crossing.c.id) > place)
    found = [
        HeldStart(crossing=row.id, account=row.key, at=row.at, says=tuple(one["says"] for one in row.reasons))
        for row in conn.execute(query)
    ]
    more = len(found) > limit
    return Page(
        items=tuple(found[:limit]), next=f"{found[limit - 1].crossing}_{found[limit - 1].account}" if more else None
    )


def release(conn: sa.Connection, number: int, *, by: str, now: datetime, share: float = 100) -> int:
    """Let them start at the next sweep, if their conditions still hold; how many. With a share, a stable lot first."""
    incident = _incident(conn, number, lock=True)
    rows = conn.execute(
        sa.select(crossing.c.id, account.c.key)
        .join(account, account.c.id == crossing.c.account_id)
        .where(crossing.c.breaker_id == number, crossing.c.state == "held", ~crossing.c.let_go)
    )
    chosen = [row.id for row in rows if share >= 100 or in_share(incident.playbook, row.key, share)]
    ids = sa.func.any(sa.cast(chosen, _IDS))
    conn.execute(sa.update(crossing).where(crossing.c.id == ids).values(let_go=True, retry_at=now))
    values: dict[str, object] = {"share": max(share, incident.share)}
    if share >= 100:
        values |= {"state": "released", "settled_at": now, "settled_by": by}
    conn.execute(sa.update(breaker).where(breaker.c.id == number).values(values))
    conn.execute(sa.text("select pg_notify('tenure_facts', '')"))
    return len(chosen)


def drop(conn: sa.Connection, number: int, *, by: str, now: datetime) -> int:
    """Let none of those that wait start; how many."""
    _incident(conn, number, lock=True)
    waiting = (crossing.c.breaker_id == number, crossing.c.state == "held", ~crossing.c.let_go)
    values = {"state": "dropped", "why": f"dropped by {by} (breaker {number})", "decided_at": now, "retry_at": None}
    dropped = conn.execute(sa.update(crossing).where(*waiting).values(values)).rowcount
    settled = {"state": "dropped", "settled_at": now, "settled_by": by}
    conn.execute(sa.update(breaker).where(breaker.c.id == number).values(settled))
    return dropped


def _incident(conn: sa.Connection, number: int, *, lock: bool = False) -> sa.Row[Any]:
    query = sa.select(breaker).where(breaker.c.id == number)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or (lock and row.state != "open"):
        numbers = [str(one.id) for one in list_incidents(conn)]
        hint = did_you_mean(str(number), numbers) or f"open are: {', '.join(numbers) or 'none'}"
        raise NoIncident(f"breaker {number} {'is settled' if row else 'does not exist'} ({hint})")
    return row
