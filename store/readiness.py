"""Whether a database has the tables that this code knows."""

from functools import cache

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from store.migrate import MIGRATIONS


def is_current(conn: sa.Connection) -> bool:
    """True when the last revision applied is the newest one here; False for an empty database, too."""
    if not sa.inspect(conn).has_table("alembic_version"):
        return False
    applied = conn.execute(sa.text("select version_num from alembic_version")).scalars().all()
    return set(applied) == _newest()


@cache
def _newest() -> frozenset[str]:
    """Read once: to take the tables' fingerprint is more work than all else that a probe asks for."""
    return frozenset(ScriptDirectory(str(MIGRATIONS)).get_heads())
