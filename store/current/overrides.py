"""A person's word on a score, for a while: set with a reason and a last instant, and ended before it.

The sweep puts the value in the place of the card's own; what the components bring in stays to be seen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from engine.health.scorecards import TOP
from engine.problems import did_you_mean
from store.current.touched import Touched, bits
from store.deployed import load_workspace
from store.postgres.statements import Given, Row, kept
from store.schema import account, change, score_override
from store.schema.base import AT, ID

LONGEST = timedelta(days=366)
"""After a year somebody has to look again."""


@dataclass(frozen=True, kw_only=True)
class Override:
    """What stands in for a card's own score, from `since` until `until`."""

    id: int
    card: str
    value: float
    author: str
    """person.key, or what stands for a program."""
    reason: str
    since: datetime
    until: datetime

    def says(self) -> str:
        return f"{self.card} is overridden to {self.value:g} by {self.author}: {self.reason}"

    def audited(self) -> Mapping[str, str]:
        """What the audit log keeps of it."""
        told = {"card": self.card, "value": f"{self.value:g}", "author": self.author, "reason": self.reason}
        return told | {"until": self.until.isoformat()}


@dataclass(frozen=True, kw_only=True)
class NotOverridden:
    """Nothing was changed; `message` says why and `hint` what to do."""

    message: str
    hint: str


def override(  # noqa: PLR0917 - read aloud: of this account, to that value, for a reason, until then, by somebody, now
    conn: sa.Connection,
    account_id: int,
    value: float,
    reason: str,
    until: datetime,
    author: str,
    now: datetime,
    *,
    card: str | None = None,
) -> Override | NotOverridden:
    """Have the value stand for the score until then, in the place of any other override; the next sweep acts on it.

    `card` may be left out where there is one only.
    """
    chosen = _card(conn, card)
    if isinstance(chosen, NotOverridden):
        return chosen
    if not 0.0 <= value <= TOP:
        return NotOverridden(message=f"{value:g} is no score", hint=f"use a number from 0 to {TOP:g}")
    if not reason.strip():
        return NotOverridden(message="an override needs a reason", hint="say what the score does not know")
    if not now < until <= now + LONGEST:
        why = "is over already" if until <= now else "is more than a year ahead"
        return NotOverridden(message=f"{until:%Y-%m-%d %H:%M} UTC {why}", hint="name a later day, within a year")
    _hold(conn, account_id)
    _end(conn, account_id, chosen, author, now)
    row = {"card": chosen, "value": round(value, 1), "author": author, "reason": reason.strip(), "since": now}
    made = sa.insert(score_override).values(account_id=account_id, until=until, **row).returning(*_COLUMNS)
    found = conn.execute(made).one()
    _wake(conn, account_id)
    return _override(found)


def end_override(
    conn: sa.Connection, account_id: int, by: str, now: datetime, *, card: str | None = None
) -> Sequence[Override] | NotOverridden:
    """Bring the card's own score back, of one card or of all; what was ended, which is none where none is in force."""
    if card is not None and isinstance(unknown := _card(conn, card), NotOverridden):
        return unknown
    _hold(conn, account_id)
    ended = _end(conn, account_id, card, by, now)
    if ended:
        _wake(conn, account_id)
    return ended


def overrides_of(conn: sa.Connection, account_id: int, at: datetime) -> Mapping[str, Override]:
    """By card: what was in force at an instant."""
    return overrides_among(conn, [account_id], at).get(account_id, {})


def overrides_among(
    conn: sa.Connection, account_ids: Collection[int], at: datetime
) -> Mapping[int, Mapping[str, Override]]:
    """The same by account, for those that have any."""

    def make() -> sa.Select[Any]:
        mine = score_override.c.account_id == sa.any_(Given("accounts", ARRAY(ID)))
        return in_force(Given("at", AT), score_override.c.account_id, *_COLUMNS).where(mine)

    found: dict[int, dict[str, Override]] = {}
    for row in kept(("overrides among",), make).read(conn, {"accounts": list(account_ids), "at": at}):
        found.setdefault(row.account_id, {})[row.card] = _override(row)
    return found


def cards_overridden(conn: sa.Connection, at: datetime) -> frozenset[str]:
    """The cards of which some account's score is overridden."""

    def make() -> sa.Select[Any]:
        return sa.select(in_force(Given("at", AT), score_override.c.card).subquery().c.card).distinct()

    return frozenset(row.card for row in kept(("cards overridden",), make).read(conn, {"at": at}))


def in_force(at: sa.ColumnElement[Any], *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """At most one of an account and card: the last, should clocks have overlapped two."""
    of = score_override.c
    return (
        sa.select(*columns)
        .ext(distinct_on(of.account_id, of.card))
        .where(of.since <= at, of.until > at, sa.or_(of.ended_at.is_(None), of.ended_at > at))
        .order_by(of.account_id, of.card, of.id.desc())
    )


def _card(conn: sa.Connection, card: str | None) -> str | NotOverridden:
    known = tuple(load_workspace(conn).cards())
    if card is None and len(known) == 1:
        return known[0]
    if not known:
        return NotOverridden(message="the workspace has no scorecard", hint="there is no score to override")
    if card is None:
        return NotOverridden(message="there are several scorecards", hint=f"name one of {', '.join(known)}")
    if card not in known:
        return NotOverridden(message=f'there is no scorecard "{card}"', hint=did_you_mean(card, known))
    return card


def _hold(conn: sa.Connection, account_id: int) -> None:
    """Two who override at once do so one after the other."""
    conn.execute(sa.select(account.c.id).where(account.c.id == account_id).with_for_update(key_share=True))


def _end(conn: sa.Connection, account_id: int, card: str | None, by: str, now: datetime) -> Sequence[Override]:
    of = score_override.c
    open_ones = [of.account_id == account_id, of.until > now, of.ended_at.is_(None)]
    if card is not None:
        open_ones.append(of.card == card)
    ended = sa.update(score_override).where(*open_ones).values(ended_at=now, ended_by=by).returning(*_COLUMNS)
    return [_override(row) for row in conn.execute(ended)]


def _wake(conn: sa.Connection, account_id: int) -> None:
    conn.execute(sa.insert(change).values(account_id=account_id, touched=bits(Touched.NOTHING)))
    conn.execute(sa.text("select pg_notify('tenure_facts', '')"))


_COLUMNS = tuple(score_override.c[name] for name in Override.__dataclass_fields__)


def _override(row: Row) -> Override:
    return Override(**{name: getattr(row, name) for name in Override.__dataclass_fields__})
