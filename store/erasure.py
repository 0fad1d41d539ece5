"""Forgets a person: stops what is on its way, takes name and addresses out of every table, and keeps a receipt.

A person is one mail address, at whatever accounts. What stays is a hash of the address on the suppression list, and
hashes of the contacts, so that nobody brings the person back without noticing.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import sqlalchemy as sa

from engine.mail.addresses import address_key, same_person
from store.consent import Suppressing, cancel_for, suppress
from store.erased import contact_hash
from store.mails.holding import hold_addresses
from store.schema import (
    account,
    change,
    contact,
    draft,
    erasure,
    mail,
    mail_event,
    mail_reply,
    run,
    subscription,
    suppression,
    survey,
)
from store.scrubbing import ERASED, Naming, literal, prose, scrub, word, word_of_prose

_EMPTY = f"<p>{ERASED}</p>"


@dataclass(frozen=True, kw_only=True)
class Erased:
    """The receipt: it names nobody."""

    id: int
    at: datetime
    by: str
    contacts: int
    accounts: int
    stopped: int
    """Mails that will never leave."""
    mails: int
    surveys: int
    replies: int
    elsewhere: int
    """Rows of other tables that named the person."""


def erase(conn: sa.Connection, account_key_: str, contact_key: str, by: str, now: datetime) -> Erased | None:
    """Forget the person who is this contact; None when there is no such contact."""
    named = _contacts(conn, account.c.key == account_key_, contact.c.key == contact_key)
    if not named:
        return None
    address = (named[0].email or "").strip()
    if address:
        hold_addresses(conn, [address_key(address)])
    found = {row.id: row for row in (*named, *_same(conn, address))}
    contacts = list(found.values())
    accounts = sorted({(row.account_id, row.account) for row in contacts})
    waiting = _waiting(conn, contacts)
    _suppress(conn, address, now)
    counts = _forget(conn, contacts, now)
    cancel_for(conn, list(found), now)
    stopped = waiting - _waiting(conn, contacts)
    elsewhere = scrub(conn, _naming(contacts, _words_of_others(conn, contacts), _our_ids(conn)), accounts)
    conn.execute(sa.insert(change), [{"account_id": one} for one, _ in accounts])
    others = [{"contact": contact_hash(row.account, row.key), "at": now} for row in contacts[1:]]
    if others:
        conn.execute(sa.insert(erasure), others)
    receipt = {
        "contact": contact_hash(contacts[0].account, contacts[0].key),
        "at": now,
        "by": by,
        "counts": {
            "contacts": len(contacts),
            "accounts": len(accounts),
            "stopped": stopped,
            "elsewhere": elsewhere,
            **counts,
        },
    }
    id_: int = conn.execute(sa.insert(erasure).values(receipt).returning(erasure.c.id)).scalar_one()
    return Erased(
        id=id_,
        at=now,
        by=by,
        contacts=len(contacts),
        accounts=len(accounts),
        stopped=stopped,
        mails=counts["mails"],
        surveys=counts["surveys"],
        replies=counts["replies"],
        elsewhere=elsewhere,
    )


def _contacts(conn: sa.Connection, *where: sa.ColumnElement[bool]) -> list[sa.Row[tuple[object, ...]]]:
    names = ("id", "account_id", "key", "name", "first_name", "email")
    query = sa.select(*(contact.c[name] for name in names), account.c.key.label("account"))
    joined = query.join(account, account.c.id == contact.c.account_id).where(*where).order_by(contact.c.id)
    return list(conn.execute(joined))


def _same(conn: sa.Connection, address: str) -> list[sa.Row[tuple[object, ...]]]:
    """Contacts with the same address, however it is written there."""
    if not address:
        return []
    domain = address.rpartition("@")[2]
    near = _contacts(conn, sa.func.lower(contact.c.email).endswith(domain.lower(), autoescape=True))
    return [row for row in near if same_person(str(row.email)) == same_person(address)]


def _waiting(conn: sa.Connection, contacts: Sequence[sa.Row[tuple[object, ...]]]) -> int:
    """How many mails to them are on their way and can be stopped."""
    mine = mail.c.contact_id.in_([row.id for row in contacts])
    count = sa.select(sa.func.count()).where(mine, sa.or_(mail.c.state == "prepared", mail.c.again))
    waiting: int = conn.execute(count).scalar_one()
    return waiting


def _suppress(conn: sa.Connection, address: str, now: datetime) -> None:
    if not address:
        return
    suppress(conn, [Suppressing(address=address, reason="erased")], now)
    mine = suppression.c.address_key == address_key(address)
    conn.execute(sa.update(suppression).where(mine).values(address=None, note=None))
    conn.execute(sa.delete(subscription).where(subscription.c.address_key == address_key(address)))


def _forget(conn: sa.Connection, contacts: Sequence[sa.Row[tuple[object, ...]]], now: datetime) -> dict[str, int]:
    """What is about nobody but the person."""
    ids = [row.id for row in contacts]
    # In the order in which everybody takes them: runs, contacts, mails.
    owners = sa.select(mail.c.run_id).where(mail.c.contact_id.in_(ids))
    conn.execute(sa.select(run.c.id).where(run.c.id.in_(owners)).order_by(run.c.id).with_for_update(key_share=True))
    blank: dict[str, object] = {
        "name": ERASED,
        "first_name": None,
        "email": None,
        "zone": None,
        "locale": None,
        "roles": [],
    }
    mine = sa.update(contact).where(contact.c.id.in_(ids))
    conn.execute(mine.values(**blank, do_not_contact=True, key="erased-" + sa.cast(contact.c.id, sa.Text), at=now))
    texts = {"subject": ERASED, "html": _EMPTY, "plain": ERASED, "unsubscribe_url": None, "replies_to": None}
    # The provider's own id names the mail at the provider, where the person has to be forgotten as well.
    mails = conn.execute(
        sa.update(mail).where(mail.c.contact_id.in_(ids)).values(**texts, to_address=ERASED, to_name=ERASED)
    ).rowcount
    theirs = sa.select(mail.c.id).where(mail.c.contact_id.in_(ids))
    conn.execute(sa.update(mail_event).where(mail_event.c.mail_id.in_(theirs)).values(link=None, reason=None))
    replies = conn.execute(sa.delete(mail_reply).where(mail_reply.c.mail_id.in_(theirs))).rowcount
    conn.execute(sa.update(draft).where(draft.c.contact_id.in_(ids)).values(subject=ERASED, preheader="", body=ERASED))
    surveys = conn.execute(
        sa.update(survey).where(survey.c.contact_id.in_(ids)).values(address=ERASED, comment=None)
    ).rowcount
    return {"mails": mails, "surveys": surveys, "replies": replies}


def _naming(
    contacts: Iterable[sa.Row[tuple[object, ...]]], of_others: Collection[str], our_ids: Collection[str]
) -> Naming:
    """A first name or a last one that others of these accounts bear as well does not say who is meant."""
    sure: dict[str, None] = {}
    near: dict[str, None] = {}
    for row in contacts:
        name = str(row.name).strip()
        if row.email:
            # Whatever stands around it, and as it is in addresses of pages.
            sure[literal(str(row.email))] = sure[literal(quote(str(row.email)))] = None
        parts = {str(row.first_name or name.partition(" ")[0]).strip(): None, name.rpartition(" ")[2]: None}
        if len(name) > 2 and " " in name:
            sure[word(name)] = None
        for one in parts:
            if len(one) > 2 and one.casefold() not in of_others:
                near[prose(one) if one.casefold() in our_ids else word_of_prose(one)] = None
    return Naming(sure=list(sure), near=list(near))


def _words_of_others(conn: sa.Connection, contacts: Sequence[sa.Row[tuple[object, ...]]]) -> set[str]:
    """What the accounts, and the other people there, are called."""
    given = {"accounts": [row.account_id for row in contacts], "contacts": [row.id for row in contacts]}
    return {one for text in conn.execute(_CALLED, given).scalars() for one in _WORD.findall(text.casefold())}


def _our_ids(conn: sa.Connection) -> set[str]:
    """Of colleagues: `kim` may be one, and what a customer is called."""
    return {one.casefold() for one in conn.execute(_OUR_IDS).scalars()}


_WORD = re.compile(r"[^\W_]+")
_CALLED = sa.text("""
    select concat_ws(' ', name, first_name) from contact where account_id = any(:accounts) and not id = any(:contacts)
    union all select value #>> '{}' from account_value where account_id = any(:accounts) and field = 'account.name'
    union all select key from account where id = any(:accounts)
""")
_OUR_IDS = sa.text("select key from person union select person from login")
