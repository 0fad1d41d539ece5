"""`tenure breaker`: starts that were held back because too much happened at once."""

from pathlib import Path

from app.running import FINDINGS, Services, UsageError, say, show, show_list
from app.tables import count, show_table, when
from store import clock
from store.deciding import breaker


def list_(home: Path | None, *, every: bool, as_json: bool) -> int:
    """The latest first; 1 while something is held back."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = breaker.list_incidents(conn, every=every)
    if as_json:
        show_list(found)
    elif found:
        rows = [(str(one.id), one.playbook, when(one.at), one.state, f"{one.held:,}", one.why) for one in found]
        show_table(("NUMBER", "PLAYBOOK", "SINCE", "STATE", "HELD", "WHY"), rows, give_way=("WHY",))
    else:
        say("nothing is held back")
    return FINDINGS if any(one.state == "open" for one in found) else 0


def show_(number: int, limit: int, home: Path | None, *, as_json: bool) -> int:
    """The accounts that wait."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        try:
            found = breaker.held_starts(conn, number, limit=limit)
        except breaker.NoIncident as error:
            raise UsageError(str(error)) from error
    if as_json:
        show_list(found.items, found.next)
    else:
        rows = [(one.account, when(one.at), "; ".join(one.says)) for one in found.items]
        show_table(("ACCOUNT", "SINCE", "BECAUSE"), rows, give_way=("BECAUSE",))
    if found.next:
        say(f"there are more than {limit}; use --limit")
    return 0


def release(number: int, share: float, by: str, home: Path | None, *, as_json: bool) -> int:
    """Let them start at the next sweep."""
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        try:
            released = breaker.release(conn, number, by=by, now=clock.now(conn), share=share)
        except breaker.NoIncident as error:
            raise UsageError(str(error)) from error
    return _told("released", released, "may start at the next sweep", as_json=as_json)


def drop(number: int, by: str, home: Path | None, *, as_json: bool) -> int:
    """Let none of them start."""
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        try:
            dropped = breaker.drop(conn, number, by=by, now=clock.now(conn))
        except breaker.NoIncident as error:
            raise UsageError(str(error)) from error
    return _told("dropped", dropped, "will not start", as_json=as_json)


def _told(done: str, number: int, words: str, *, as_json: bool) -> int:
    if as_json:
        show({done: number})
    else:
        say(f"{count(number, 'account', 'accounts')} {words}")
    return 0
