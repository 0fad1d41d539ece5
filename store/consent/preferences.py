"""What a person wants to hear of, topic by topic: shown and changed by whoever holds a link from one of our mails."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.mail.consent import Consent
from engine.mail.policy import MailPolicy
from store.consent.cancelling import cancel_queued
from store.mails.holding import hold_addresses
from store.schema import subscription, suppression

Source = Literal["one_click", "page", "command"]


@dataclass(frozen=True, kw_only=True)
class Preference:
    """A topic, and whether the person gets its mails."""

    topic: str
    title: str
    says: str
    subscribed: bool


def preferences(conn: sa.Connection, key: str, policy: MailPolicy) -> list[Preference]:
    """Of the person with this address key: every topic, as it stands. Who left everything gets none."""
    said = _said(conn, key)
    left = _has_left(conn, key)
    return [
        Preference(
            topic=name, title=topic.title, says=topic.says, subscribed=not left and said.get(name, not topic.opt_in)
        )
        for name, topic in policy.all_topics().items()
    ]


def consents(conn: sa.Connection, keys: Collection[str], at: datetime) -> dict[str, Consent]:
    """What the people with these address keys have said until then, and why their addresses are suppressed, by key.

    Of a topic only the last word is kept: one that was changed later is not known.
    """
    found: dict[str, Consent] = {}
    wanted = sa.any_(sa.literal(sorted(keys), sa.ARRAY(sa.Text)))
    said = sa.select(subscription).where(subscription.c.address_key == wanted, subscription.c.at <= at)
    for row in conn.execute(said):
        consent = found.get(row.address_key, Consent())
        found[row.address_key] = replace(consent, said={**consent.said, row.topic: row.subscribed})
    listed = sa.select(suppression).where(suppression.c.address_key == wanted, suppression.c.at <= at)
    for row in conn.execute(listed):
        consent = found.get(row.address_key, Consent())
        found[row.address_key] = replace(consent, listed=[*consent.listed, row.reason])
    return found


def save(
    conn: sa.Connection,
    key: str,
    wanted: Mapping[str, bool],
    now: datetime,
    *,
    source: Source,
) -> None:
    """Take the person's word on all of these topics; wanting one also takes back having left everything."""
    hold_addresses(conn, [key])
    if any(wanted.values()):
        left = (suppression.c.address_key == key, suppression.c.reason == "unsubscribed")
        conn.execute(sa.delete(suppression).where(*left))
    rows = [
        {"address_key": key, "topic": topic, "subscribed": subscribed, "source": source, "at": now}
        for topic, subscribed in sorted(wanted.items())
    ]
    if rows:
        said = insert(subscription).values(rows)
        news = {name: said.excluded[name] for name in ("subscribed", "source", "at")}
        changed = subscription.c.subscribed != said.excluded.subscribed
        conn.execute(said.on_conflict_do_update(index_elements=["address_key", "topic"], set_=news, where=changed))
    cancel_queued(conn, [key], now)


def leave_all(conn: sa.Connection, key: str, now: datetime, *, source: Source) -> None:
    """The person wants nothing more, whatever its topic; what they have ordered still comes."""
    hold_addresses(conn, [key])
    values = {"address_key": key, "reason": "unsubscribed", "note": source, "at": now}
    conn.execute(insert(suppression).values(values).on_conflict_do_nothing())
    cancel_queued(conn, [key], now)


def _said(conn: sa.Connection, key: str) -> dict[str, bool]:
    rows = conn.execute(
        sa.select(subscription.c.topic, subscription.c.subscribed).where(subscription.c.address_key == key)
    )
    return {row.topic: row.subscribed for row in rows}


def _has_left(conn: sa.Connection, key: str) -> bool:
    mine = (suppression.c.address_key == key, suppression.c.reason == "unsubscribed")
    return bool(conn.execute(sa.select(sa.exists().where(*mine))).scalar())
