"""Takes the step after which mails may have left, several at once: the last look at everything that may bar them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.mail.policy import MailPolicy
from engine.workspace import Workspace
from store.deployed import NothingDeployed, load_workspace
from store.mails.bars import Bar, bars_of
from store.mails.holding import hold_accounts, hold_addresses
from store.mails.timing import has_timing, untimely
from store.postgres.statements import Row, Statement

_TAKEN = Bar(reason="the mail is settled or in other hands", final=False)
_GONE = Bar(reason="the mail is gone", final=False)


def handing_over(conn: sa.Connection, mail_id: int, now: datetime) -> Bar | None:
    """Take the step after which the mail may have left; commit before the first byte. A Bar when it may not, after all.

    The address, the run and the contact are held still until the caller commits: whoever unsubscribes or ends the run
    is before or after this moment, never beside it. The same step takes the mail's places under the caps.
    """
    return _hand_over(conn, [mail_id], now, patient=True).get(mail_id, _GONE)


def handing_over_together(conn: sa.Connection, mail_ids: Sequence[int], now: datetime) -> dict[int, Bar | None]:
    """The same for several, by one commit. Those that are not in the answer have to be asked for by themselves:
    their run or contact is being changed at the moment, or another of these takes a place under the same cap."""
    return _hand_over(conn, mail_ids, now, patient=False)


def workspace_in_force(conn: sa.Connection) -> Workspace | None:
    """None before the first deploy."""
    try:
        return load_workspace(conn)
    except NothingDeployed:
        return None


def all_bars(
    conn: sa.Connection, workspace: Workspace | None, ids: Sequence[int], now: datetime, *, last_look: bool = False
) -> dict[int, Bar | None]:
    """What keeps each of these from leaving: consent and run before caps and window."""
    bars = bars_of(conn, ids, now, workspace.mail if workspace else MailPolicy())
    free = [mail_id for mail_id in ids if bars[mail_id] is None]
    if workspace is None or not free or not has_timing(workspace):
        return bars
    return bars | untimely(conn, workspace, free, now, last_look=last_look)


def _hand_over(conn: sa.Connection, mail_ids: Sequence[int], now: datetime, *, patient: bool) -> dict[int, Bar | None]:
    rows: Sequence[Row] = _MAILS.read(conn, {"ids": list(mail_ids)})
    workspace = workspace_in_force(conn)
    rows = _one_a_place(workspace, rows)
    # In this order by everybody: addresses, accounts, runs, contacts.
    hold_addresses(conn, (row.to_key for row in rows))
    if workspace is not None and any(cap.per == "account" for cap in workspace.mail.caps):
        hold_accounts(conn, {row.account_id for row in rows})
    ids = _held(conn, rows, patient=patient)
    bars = all_bars(conn, workspace, ids, now, last_look=True)
    free = [mail_id for mail_id in ids if bars[mail_id] is None]
    taken = set(_TAKE.read_column(conn, {"ids": free, "now": now})) if free else set()
    return bars | {mail_id: _TAKEN for mail_id in free if mail_id not in taken}


def _one_a_place(workspace: Workspace | None, rows: Sequence[Row]) -> list[Row]:
    """Of mails that count for the same cap the first alone, so that the next one sees that it has left."""
    counted = {cap.per for cap in workspace.mail.caps} if workspace else set()
    places: set[tuple[str, object]] = set()
    first = []
    for row in rows:
        mine = {("contact", row.to_key), ("account", row.account_id)}
        wanted = {place for place in mine if place[0] in counted and row.topic is not None}
        if places.isdisjoint(wanted):
            first.append(row)
            places |= wanted
    return first


def _held(conn: sa.Connection, rows: Sequence[Row], *, patient: bool) -> list[int]:
    """The mails whose runs and contacts are held until the caller commits. Who holds several waits for none of them:
    others hold them in orders of their own."""
    # Mail to a colleague asks for nobody's consent, and leaves also when its run is over.
    runs = _locked(conn, "run", (row.run_id for row in rows if row.contact_id is not None), patient=patient)
    mine = [row for row in rows if row.contact_id is None or row.run_id in runs]
    people = _locked(conn, "contact", (row.contact_id for row in mine if row.contact_id is not None), patient=patient)
    return [row.id for row in mine if row.contact_id is None or row.contact_id in people]


def _locked(conn: sa.Connection, table: str, ids: Iterable[int], *, patient: bool) -> set[int]:
    wanted = sorted(set(ids))
    return set(_LOCKED[table, patient].read_column(conn, {"ids": wanted})) if wanted else set()


_LOCKED = {
    (table, patient): Statement(f"""
        select id from {table} where id = any(cast(%(ids)s as bigint[]))
        order by id for share{"" if patient else " skip locked"}
    """)  # noqa: S608 - joined from constants
    for table in ("run", "contact")
    for patient in (True, False)
}


_MAILS = Statement("""
    select id, run_id, account_id, contact_id, to_key, topic from mail where id = any(cast(%(ids)s as bigint[]))
    order by priority desc, due_at, id
""")
_TAKE = Statement("""
    update mail set state = 'handing_over', reason = null, left_at = %(now)s, again = false,
        resends = resends + cast(again as integer)
    where id = any(cast(%(ids)s as bigint[])) and (state = 'prepared' or again)
    returning id
""")
