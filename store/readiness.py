"""Whether a database has the tables that this code knows."""

import sqlalchemy as sa

from store.revisions import newest


def is_current(conn: sa.Connection) -> bool:
    """True when the last revision applied is the newest one here; False for an empty database, too."""
    if not sa.inspect(conn).has_table("alembic_version"):
        return False
    applied = conn.execute(sa.text("select version_num from alembic_version")).scalars().all()
    return applied == [newest()]
