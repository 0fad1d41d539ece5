"""`tenure erase`: forgets a person at a customer's."""

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from app.commands.going_on import go_on
from app.running import Services, UsageError, plain, say, show
from app.tables import count
from store import clock
from store.access import audit
from store.access.audit import Actor
from store.erasure import Erased, erase


def erase_contact(contact: str, account: str, by: str, home: Path | None, *, as_json: bool) -> None:
    """Nothing names the person afterwards but a hash; there is no way back."""
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            receipt = erase(conn, account, contact, by, clock.now(conn))
            if receipt is not None:
                _audit(conn, receipt)
        if receipt is None:
            raise UsageError(f'account "{account}" has no contact "{contact}"')
        went_on = go_on(services)
    if as_json:
        show(plain(receipt))
        return
    done = (
        f"{count(receipt.contacts, 'contact')} at {count(receipt.accounts, 'account')}, {count(receipt.mails, 'mail')} "
        f"({receipt.stopped} stopped), {count(receipt.surveys, 'survey')}, "
        f"{count(receipt.replies, 'reply', 'replies')}, {count(receipt.elsewhere, 'other row')}"
    )
    say(f"erased: {done}; receipt {receipt.id}. {went_on}")
    say("Mail providers and backups keep what they have: erase the person there as well.")


def _audit(conn: sa.Connection, receipt: Erased) -> None:
    """The receipt's number and what it counts: a line of the log names nobody who wanted to be forgotten."""
    did = {name: getattr(receipt, name) for name in ("contacts", "accounts", "mails", "surveys", "replies")}
    what = f"erasure {receipt.id}"
    audit.record(conn, Actor(who=receipt.by), "contact_erased", datetime.now(UTC), what=what, **did)
