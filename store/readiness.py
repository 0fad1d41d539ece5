"""Whether a database has the tables that this code knows, and takes changes."""

import sqlalchemy as sa

from store.revisions import newest


def is_current(conn: sa.Connection) -> bool:
    """True when the last revision applied is the newest one here; False for an empty database, too."""
    return revision(conn) == newest()


def revision(conn: sa.Connection) -> str | None:
    """The last one that was applied; None for an empty database."""
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(sa.text("select version_num from alembic_version")).scalar()


def is_read_only(conn: sa.Connection) -> bool:
    """True for a standby, and where somebody has set so. Let go of the connection then: it may stay so for ever."""
    return bool(conn.execute(sa.text("select current_setting('transaction_read_only')::boolean")).scalar_one())
