"""`tenure health override`: a person's word in the place of a score, with a reason and a last day; and its end."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.commands.asked_of import no_account
from app.running import Services, UsageError, plain, say, show
from app.tables import clean, when
from store import clock
from store.access import audit
from store.access.audit import Actor
from store.current import overrides
from store.deployed import load_workspace
from store.inbox.accounts import account_id_of


def override_score(  # noqa: PLR0917 - the command's own arguments
    account: str,
    value: float | None,
    reason: str,
    until: datetime | None,
    card: str | None,
    by: str,
    home: Path | None,
    *,
    as_json: bool,
) -> None:
    """The next sweep acts on it."""
    if value is None or until is None or not reason.strip():
        raise UsageError("an override needs --value, --reason and --until; to end one, use --end")
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        account_id, now = _account(conn, account), clock.now(conn)
        last = until.replace(tzinfo=ZoneInfo(load_workspace(conn).zone)).astimezone(UTC)
        made = overrides.override(conn, account_id, value, reason, last, by, now, card=card)
        if isinstance(made, overrides.NotOverridden):
            raise UsageError(f"{made.message}; {made.hint}")
        _audit(conn, by, "score_overridden", account, made)
    if as_json:
        show(plain(made))
    else:
        say(
            f"{made.card} of {clean(account)} is {made.value:g} from the next sweep on, until {when(made.until)} UTC; "
            "then the card's own score is back"
        )


def end_override(
    account: str,
    card: str | None,
    by: str,
    home: Path | None,
    *,
    others: Sequence[object],
    as_json: bool,
) -> None:
    """Of one card, or of all. `others`: what belongs to a new override, and not beside --end."""
    if any(one not in (None, "") for one in others):
        raise UsageError("--end takes no --value, --reason or --until")
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        account_id = _account(conn, account)
        ended = overrides.end_override(conn, account_id, by, clock.now(conn), card=card)
        if isinstance(ended, overrides.NotOverridden):
            raise UsageError(f"{ended.message}; {ended.hint}")
        for one in ended:
            _audit(conn, by, "override_ended", account, one)
    if as_json:
        show({"ended": plain(ended)})
    elif ended:
        cards = " and ".join(one.card for one in ended)
        say(f"from the next sweep on, {cards} of {clean(account)} is the card's own score again")
    else:
        say(f"no score of {clean(account)} is overridden")


def _account(conn: sa.Connection, key: str) -> int:
    found = account_id_of(conn, key)
    if found is None:
        raise UsageError(no_account(key))
    return found


def _audit(conn: sa.Connection, by: str, did: str, account: str, one: overrides.Override) -> None:
    audit.record(conn, Actor(who=by), did, datetime.now(UTC), what=f"account {account}", **one.audited())
