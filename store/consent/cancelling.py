"""Stops what is queued for people who are not to be written to any more: skipped with the reason; the run is told."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from store.mails.bars import bars_of, mail_policy
from store.mails.settling import Settlement, settle_all
from store.postgres.statements import Statement
from store.schema import mail

_WAITING = sa.or_(mail.c.state == sa.literal_column("'prepared'"), mail.c.again)


def cancel_queued(conn: sa.Connection, keys: Iterable[str], now: datetime) -> int:
    """Of the people with these address keys, whom the caller holds; how many mails will never leave."""
    return _cancel(conn, mail.c.to_key == sa.any_(sa.literal(sorted(keys), sa.ARRAY(sa.Text))), now)


def queued_runs(conn: sa.Connection, keys: Collection[str]) -> set[int]:
    """The runs that would be told, for callers who hold runs in order."""
    mine = (mail.c.to_key == sa.any_(sa.literal(sorted(keys), sa.ARRAY(sa.Text))), _WAITING)
    return set(conn.execute(sa.select(mail.c.run_id).where(*mine)).scalars()) if keys else set()


def cancel_barred(conn: sa.Connection, now: datetime) -> int:
    """The same at the accounts that the sweep has in work, where they, or their contacts, want no mail any more.

    What people said of topics stopped their mails when they said it. A mail that was written all the same is settled
    when it is due, whether or not something else happens to the account meanwhile.
    """
    return _skip(conn, _UNWANTED.read_column(conn, {"now": now}), now)


_UNWANTED = Statement("""
    select mail.id from mail join contact on contact.id = mail.contact_id
    where mail.account_id in (select account_id from work) and (mail.state = 'prepared' or mail.again)
        and mail.person is null
        and (
            contact.do_not_contact or contact.email is distinct from mail.to_address
            or (
                select value from account_value
                where account_value.account_id = mail.account_id and field = 'account.do_not_contact'
                    and at <= %(now)s
                order by at desc, id desc limit 1
            ) = 'true'
        )
    order by mail.id
""")


def cancel_for(conn: sa.Connection, contact_ids: Collection[int], now: datetime) -> int:
    """The same for contacts who want none, or have no address any more."""
    return _cancel(conn, mail.c.contact_id.in_(list(contact_ids)), now)


def _cancel(conn: sa.Connection, whose: sa.ColumnElement[bool], now: datetime) -> int:
    return _skip(conn, list(conn.execute(_queued(whose)).scalars()), now)


def _queued(whose: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(mail.c.id).where(whose, _WAITING, mail.c.person.is_(None)).order_by(mail.c.id)


def _skip(conn: sa.Connection, ids: Sequence[int], now: datetime) -> int:
    bars = bars_of(conn, ids, now, mail_policy(conn)) if ids else {}
    barred = [(mail_id, bar) for mail_id, bar in bars.items() if bar is not None and bar.final]
    skipped = [Settlement(mail_id=mail_id, state="skipped", reason=bar.reason) for mail_id, bar in barred]
    return len(settle_all(conn, skipped, now)) if skipped else 0
