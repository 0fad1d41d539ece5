"""Who may sign in to the demo: invented colleagues, each with the role of the job, by links that its start prints."""

from datetime import UTC, datetime

from app.book.colleagues import COLLEAGUES
from app.entering import entering_link
from app.running import Services
from store.access import logins
from store.access.viewer import Role

_ROLES: dict[str, Role] = {"vp": "admin", "manager": "ops"}
_SHOWN = {"helena.strand": "CS operations, admin", "kim.larsen": "a CSM"}


def ways_in(services: Services) -> list[str]:
    """Lines to print: one link for each way to look at the demo, good for one use until the next start."""
    with services.database.begin() as conn:
        now = datetime.now(UTC)
        for one in COLLEAGUES:
            if logins.get_login(conn, one.key) is None:
                role = _ROLES.get(one.role or "", "csm")
                logins.add_login(conn, key=one.key, role=role, now=now, name=one.name or "", email=one.email)
        return [f"Look as {what + ':':22} {entering_link(conn, services, key)}" for key, what in _SHOWN.items()]
