"""`tenure user add|list|disable|link`: who may sign in, with links that work once."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from app.entering import make_link
from app.running import Services, UsageError, plain, say, show, show_list
from app.tables import show_table, when
from store.access import audit, logins
from store.access.audit import COMMAND_LINE
from store.access.leaving import shut_out
from store.access.logins import Login, Unfit
from store.access.viewer import ROLES


def add_user(person: str, role: str, name: str | None, email: str | None, home: Path | None, *, as_json: bool) -> None:
    """May sign in from now on; the link sets the password."""
    if role not in ROLES:
        raise UsageError(f'"{role}" is not one of {", ".join(ROLES)}')
    with Services(home) as services, services.database.begin() as conn:
        now = datetime.now(UTC)
        try:
            made = logins.add_login(conn, key=person, role=role, now=now, name=name or "", email=email)
        except Unfit as error:
            raise UsageError(f"not added: {error}") from error
        audit.record(conn, COMMAND_LINE, "user_added", now, what=f"login {person}", role=role)
        link = None if made.has_password else make_link(conn, services, "password", person)
    if as_json:
        show({"user": plain(made), "link": link})
        return
    print(f"{made.name} ({made.person}) may sign in as {made.role}")
    if link:
        print(f"once, to set a password: {link}")


def list_users(home: Path | None, *, as_json: bool) -> None:
    """By name."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = logins.list_logins(conn)
    if as_json:
        show_list(found)
    elif found:
        rows = [(one.person, one.name, one.email or "", one.role, _way(one), when(one.signed_in_at)) for one in found]
        show_table(("PERSON", "NAME", "E-MAIL", "ROLE", "HOW", "LAST"), rows, give_way=("NAME", "E-MAIL"))
    else:
        say("nobody may sign in yet; see: tenure user add")


def disable_user(person: str, home: Path | None, *, as_json: bool) -> None:
    """May not sign in any more, and is signed out everywhere."""
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        now = datetime.now(UTC)
        found = _known(conn, person)
        try:
            logins.keep_an_admin(conn, found, None)
        except Unfit as error:
            raise UsageError(f"not disabled: {error}") from error
        ended = shut_out(conn, person, now)
        audit.record(conn, COMMAND_LINE, "user_disabled", now, what=f"login {person}", **vars(ended))
        left = replace(found, disabled_at=found.disabled_at or now)
    if as_json:
        show({"user": plain(left), "sessions_ended": ended.sessions, "keys_revoked": ended.keys})
    else:
        print(f"{person} may not sign in any more; {ended.sessions} sessions were ended, {ended.keys} keys revoked")


def link_for(person: str | None, home: Path | None, *, enter: bool, as_json: bool) -> None:
    """A link that sets a password, or with `enter` signs in at once; for nobody: the first admin's."""
    with Services(home) as services, services.database.begin() as conn:
        if person is None:
            if logins.admins(conn):
                raise UsageError("there is an admin already; name the person the link is for")
            link = make_link(conn, services, "first", None)
        else:
            if _known(conn, person).disabled_at is not None:
                raise UsageError(f"{person} is disabled; add the person again first")
            link = make_link(conn, services, "enter" if enter else "password", person)
        audit.record(conn, COMMAND_LINE, "link_made", datetime.now(UTC), what=f"login {person or 'first admin'}")
    if as_json:
        show({"person": person, "link": link})
    else:
        print(link)


def _known(conn: sa.Connection, person: str) -> Login:
    found = logins.get_login(conn, person)
    if found is None:
        raise UsageError(f"nobody named {person} may sign in; see: tenure user list")
    return found


def _way(one: Login) -> str:
    if one.disabled_at:
        return "disabled"
    ways = [way for way, there in (("password", one.has_password), ("OpenID", one.issuer)) if there]
    return ", ".join(ways) or "not yet"
