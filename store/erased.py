"""Who was forgotten: known by hashes alone, so that whoever brings them back is told."""

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from engine.mail.addresses import address_key
from store.schema import erasure, suppression
from store.scrubbing import ERASED


def is_kept(contacts: sa.FromClause) -> sa.ColumnElement[bool]:
    """Which rows of contacts are more than what is left of somebody who was erased."""
    kept: sa.ColumnElement[bool] = contacts.c.name.is_distinct_from(sa.literal_column(f"'{ERASED}'"))
    return kept


def contact_hash(account_key_: str, contact_key: str) -> str:
    """What knows a contact when its name and address are gone."""
    return hashlib.sha256(f"{account_key_}\n{contact_key}".encode()).hexdigest()[:32]


def erased_among(conn: sa.Connection, contacts: Sequence[tuple[str, str, str | None]]) -> set[int]:
    """The places, in a list of (account, contact, address), of people who were erased.

    The contact that was named stays away whatever address it is told with. Who merely shared the address may be
    somebody else, and comes back with one of their own.
    """
    keys = {n: address_key(address) for n, (_, _, address) in enumerate(contacts) if address}
    hashes = {n: contact_hash(one, other) for n, (one, other, _) in enumerate(contacts)}
    listed = sa.select(suppression.c.address_key).where(
        suppression.c.reason == "erased", suppression.c.address_key.in_(sorted(set(keys.values())))
    )
    known = sa.select(erasure.c.contact, erasure.c.by).where(erasure.c.contact.in_(sorted(set(hashes.values()))))
    gone, there = set(conn.execute(listed).scalars()), conn.execute(known).all()
    named = {row.contact for row in there if row.by}
    others = {row.contact for row in there}
    return {n for n in hashes if keys.get(n) in gone or hashes[n] in named or (n not in keys and hashes[n] in others)}
