"""`tenure suppress`: the list of addresses that are not written to."""

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from app.choices import one_of_or_none
from app.commands.going_on import go_on
from app.reports.json_ import problem_json
from app.running import FINDINGS, Services, UsageError, say, show, show_list
from app.suppressions import NoAddresses, checked, read_suppressions
from app.tables import clean, count, show_table, when
from store import clock, consent
from store.access import audit
from store.consent import REASONS, Suppressing

_MOST = 20
"""Bad rows that are told one by one."""


def add(addresses: list[str], note: str | None, home: Path | None, *, as_json: bool) -> int:
    """Put addresses on the list, and stop what is queued for them."""
    suppressing = [Suppressing(address=_checked(one), reason="manual", note=note) for one in addresses]
    return _suppress(suppressing, home, as_json=as_json)


def import_(file: Path, home: Path | None, *, as_json: bool) -> int:
    """The same for the addresses of a file; 1 when rows were left out."""
    try:
        suppressing, problems = read_suppressions(file)
    except NoAddresses as error:
        raise UsageError(str(error)) from error
    _suppress(suppressing, home, as_json=as_json, problems=[problem_json(one) for one in problems])
    for problem in problems[:_MOST]:
        say(clean(f"{problem.spot.file}:{problem.spot.line}: {problem.message}"))
    if len(problems) > _MOST:
        say(f"… and {len(problems) - _MOST} more rows; --json names them all")
    return FINDINGS if problems else 0


def remove(address: str, reason: str | None, home: Path | None, *, as_json: bool) -> int:
    """Take an address off the list; 1 when it was not on it."""
    why = one_of_or_none("reason", reason, REASONS)
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        gone = consent.lift(conn, _checked(address), (why,) if why else ())
        if gone:
            # Writing again to whoever left or complained is what somebody will want to have explained.
            _audit(conn, "suppression_lifted", address, reason=why or "any")
    if as_json:
        show({"removed": gone})
    elif gone:
        say(f"{address} may be written to again; what was stopped stays so")
    else:
        say(f"{address} is not on the list{f' as {reason}' if reason else ''}")
    return 0 if gone else FINDINGS


def list_(address: str | None, reason: str | None, limit: int, home: Path | None, *, as_json: bool) -> None:
    """The latest first."""
    one_of_or_none("reason", reason, REASONS)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = consent.page_of_suppressed(conn, address=address, reason=reason, limit=limit)
    if as_json:
        show_list(found.items, found.next)
    elif found.items:
        rows = [(one.address or "(erased)", one.reason, when(one.at), one.note or "") for one in found.items]
        show_table(("ADDRESS", "REASON", "SINCE", "NOTE"), rows, give_way=("NOTE", "ADDRESS"))
    else:
        say("nobody is on the list")
    if found.next:
        say(f"there are more than {limit}; use --limit")


def _suppress(
    suppressing: list[Suppressing], home: Path | None, *, as_json: bool, problems: list[object] | None = None
) -> int:
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            new = consent.suppress(conn, suppressing, clock.now(conn))
            if new:
                reasons = {one.reason for one in suppressing}
                _audit(conn, "suppressed", count(new, "address", "addresses"), reason=", ".join(sorted(reasons)))
        if new:
            go_on(services)
    if as_json:
        show({"new": new, "known": len(suppressing) - new, **({} if problems is None else {"left_out": problems})})
    else:
        more = f"; {count(len(problems), 'row')} left out" if problems else ""
        say(f"{count(new, 'address', 'addresses')} more on the list, {len(suppressing) - new} known before{more}")
    return 0


def _checked(address: str) -> str:
    try:
        return checked(address)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _audit(conn: sa.Connection, did: str, what: str, *, reason: str) -> None:
    audit.record(conn, audit.COMMAND_LINE, did, datetime.now(UTC), what=what, reason=reason)
