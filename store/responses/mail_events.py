"""Takes in what providers saw of mails, many at once: each once, however it is repeated; the runs that listen hear.

Whatever was seen proves that the provider had the mail, so a mail of which nobody knew is settled by it. What a machine
most likely did is kept and told to nobody. After a bounce for good or a complaint, the address is written to no more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from engine.mail.seen import Evidence, Seen, evidence, is_about_people
from store import consent, mails
from store.schema import mail, mail_event, playbook_version, run
from store.scrubbing import ERASED
from store.telling import Telling, tell_all


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of the events of one post."""

    new: int = 0
    repeats: int = 0
    strangers: int = 0
    """Of mails that are not in this database."""
    settled: int = 0
    """Mails that were not known to have left."""
    told: int = 0
    """Facts for runs."""


def take_in(conn: sa.Connection, seen: Sequence[Seen], now: datetime) -> Taken:
    """All of it in the caller's transaction; events that two posts bring at once are new in one of them."""
    found = _mails(conn, {one.message_id for one in seen})
    ours = [_unnamed(one, found[one.message_id]) for one in seen if one.message_id in found]
    stopped = {one.message_id for one in ours if one.stops}
    keys = {found[name].to_key for name in stopped}
    # First of all, and in order, as by everybody who settles mails or tells runs.
    mails.hold_addresses(conn, keys)
    _hold_runs(conn, found.values(), {_heard_as(one) for one in ours}, consent.queued_runs(conn, keys))
    _recall(conn, found.values())
    new = _unheard_of(ours, found)
    for one in new:
        found[one.message_id].add(one)
    grades = {one.key: found[one.message_id].grade(one) for one in new}
    kept = _keep(conn, new, found, grades, now)
    new = [one for one in new if one.key in kept]
    _grade_again(conn, found.values())
    settled = sum(_settle(conn, found[one.message_id], one, now) for one in new)
    stops = [
        consent.Suppressing(address=found[one.message_id].to_address, reason=one.stops, note=one.reason)
        for one in new
        if one.stops
    ]
    consent.suppress(conn, stops, now)
    tellings = [
        Telling(run_id=about.run_id, kind="event", of=about.step, values={"event": _heard_as(one)})
        for one in new
        if _heard_as(one) in (about := found[one.message_id]).listens and grades[one.key] != "likely_machine"
    ]
    return Taken(
        new=len(new),
        repeats=len(ours) - len(new),
        strangers=len(seen) - len(ours),
        settled=settled,
        told=tell_all(conn, tellings, now),
    )


_Grades = Mapping[str, Evidence | None]


@dataclass(frozen=True)
class _Known:
    """An event that was there before."""

    key: str
    type: str
    at: datetime
    link: str | None
    evidence: str | None


@dataclass
class _Mail:
    """A mail, and everything that was seen of it."""

    id: int
    run_id: int
    step: str
    state: str
    settled_at: datetime | None
    to_address: str
    to_key: str
    listens: frozenset[str]
    known: list[_Known] = field(default_factory=list)
    clicks: list[tuple[datetime, str | None]] = field(default_factory=list)
    delivered_at: datetime | None = None

    def add(self, one: Seen | _Known) -> None:
        if one.type == "clicked":
            self.clicks.append((one.at, one.link))
        if one.type == "delivered":
            self.delivered_at = min(one.at, self.delivered_at or one.at)

    def grade(self, one: Seen | _Known) -> Evidence | None:
        if not is_about_people(one.type):
            return None
        arrived_at = self.delivered_at
        if arrived_at is None and self.state == "sent" and self.settled_at is not None and self.settled_at <= one.at:
            # Until the delivery is reported, the moment when the provider took the mail is the earliest there is.
            arrived_at = self.settled_at
        machine = isinstance(one, Seen) and one.machine
        return evidence(one.type, one.at, one.link, machine=machine, arrived_at=arrived_at, clicks=self.clicks)


def _unnamed(one: Seen, about: _Mail) -> Seen:
    """Of a person who was forgotten, that something was seen is kept, not what names them."""
    return replace(one, link=None, reason=None, stops=None) if about.to_address == ERASED else one


def _heard_as(one: Seen) -> str:
    """To a run, a mail that the provider dropped is one that did not arrive, like one that bounced."""
    return "email.bounced" if one.type == "dropped" else f"email.{one.type}"


def _mails(conn: sa.Connection, message_ids: Collection[str]) -> Mapping[str, _Mail]:
    names = sa.literal(sorted(message_ids), sa.ARRAY(sa.Text))
    own = (mail.c.message_id, mail.c.id, mail.c.run_id, mail.c.step, mail.c.state, mail.c.settled_at)
    to = (mail.c.to_address, mail.c.to_key)
    rows = conn.execute(
        sa.select(*own, *to, run.c.playbook, run.c.version)
        .join(run, run.c.id == mail.c.run_id)
        .where(mail.c.message_id == sa.any_(names))
    ).all()
    listens = _listens(conn, {row.playbook for row in rows})
    return {
        row.message_id: _Mail(
            row.id,
            row.run_id,
            row.step,
            row.state,
            row.settled_at,
            row.to_address,
            row.to_key,
            listens.get((row.playbook, row.version), frozenset()),
        )
        for row in rows
    }


def _listens(conn: sa.Connection, playbooks: Collection[str]) -> Mapping[tuple[str, int], frozenset[str]]:
    """The events that plans read, by playbook and version: read once, not once a mail."""
    events = playbook_version.c.compiled["plan"]["listens"].label("listens")
    rows = conn.execute(
        sa.select(playbook_version.c.playbook, playbook_version.c.version, events).where(
            playbook_version.c.playbook.in_(sorted(playbooks))
        )
    )
    return {(row.playbook, row.version): frozenset(row.listens or ()) for row in rows}


def _hold_runs(conn: sa.Connection, found: Iterable[_Mail], events: set[str], queued: set[int]) -> None:
    """Those that may be told of something, or whose mail may be settled."""
    ids = sorted({one.run_id for one in found if one.state != "sent" or not events.isdisjoint(one.listens)} | queued)
    if ids:
        held = sa.select(run.c.id).where(run.c.id == sa.any_(_ids(ids)))
        conn.execute(held.order_by(run.c.id).with_for_update(key_share=True))


def _recall(conn: sa.Connection, found: Iterable[_Mail]) -> None:
    by_id = {one.id: one for one in found}
    names = ("mail_id", "key", "type", "at", "link", "evidence")
    before = sa.select(*(mail_event.c[name] for name in names)).where(mail_event.c.mail_id == sa.any_(_ids(by_id)))
    for mail_id, *rest in conn.execute(before):
        event = _Known(*rest)
        by_id[mail_id].known.append(event)
        by_id[mail_id].add(event)


def _unheard_of(seen: Iterable[Seen], found: Mapping[str, _Mail]) -> list[Seen]:
    """A repeat has the same id, or, where the provider made it a new one, says the same of the same moment."""
    keys = {event.key for one in found.values() for event in one.known}
    said = {(one.id, event.type, event.at, event.link) for one in found.values() for event in one.known}
    new = []
    for one in seen:
        says = (found[one.message_id].id, one.type, one.at, one.link)
        if one.key not in keys and says not in said:
            new.append(one)
        keys.add(one.key)
        said.add(says)
    return new


def _keep(
    conn: sa.Connection, new: Sequence[Seen], found: Mapping[str, _Mail], grades: _Grades, now: datetime
) -> set[str]:
    """The keys of those that nobody else has kept meanwhile."""
    if not new:
        return set()
    # In the order of keys, or two posts with the same events could wait for each other.
    ordered = sorted(new, key=lambda one: one.key)
    given = {
        "mails": [found[one.message_id].id for one in ordered],
        "types": [one.type for one in ordered],
        "keys": [one.key for one in ordered],
        "links": [one.link for one in ordered],
        "reasons": [one.reason for one in ordered],
        "grades": [grades[one.key] for one in ordered],
        "times": [one.at for one in ordered],
        "now": now,
    }
    return set(conn.execute(_KEEP, given).scalars())


_KEEP = sa.text("""
    insert into mail_event (mail_id, type, key, link, reason, evidence, at, learned_at)
    select mail_id, type, key, link, reason, evidence, at, :now
    from unnest(
        cast(:mails as bigint[]), cast(:types as text[]), cast(:keys as text[]), cast(:links as text[]),
        cast(:reasons as text[]), cast(:grades as text[]), cast(:times as timestamptz[])
    ) with ordinality as seen(mail_id, type, key, link, reason, evidence, at, place)
    order by place
    on conflict (key) do nothing
    returning key
""")


def _grade_again(conn: sa.Connection, found: Iterable[_Mail]) -> None:
    """What looked like a person may look otherwise beside what is known now."""
    keys = [
        event.key
        for one in found
        for event in one.known
        if event.evidence == "human" and one.grade(event) == "likely_machine"
    ]
    if keys:
        conn.execute(sa.update(mail_event).where(mail_event.c.key.in_(keys)).values(evidence="likely_machine"))


def _settle(conn: sa.Connection, about: _Mail, one: Seen, now: datetime) -> bool:
    if about.state == "sent":
        return False
    if one.type == "dropped":
        reason = f"the provider dropped it: {one.reason}" if one.reason else "the provider dropped it"
        return mails.settle(conn, about.id, "refused", reason=reason, now=now)
    return mails.settle(conn, about.id, "sent", reason=f"seen by an event: {one.type}", now=now)


def _ids(ids: Iterable[int]) -> sa.BindParameter[list[int]]:
    return sa.literal(sorted(ids), sa.ARRAY(sa.BigInteger))
