"""Empty databases of a bench's own, and many rows in them within seconds."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.embedded import Servers
from store.migrate import migrate
from store.postgres.database import engine_for


@contextmanager
def ground() -> Iterator[sa.Engine]:
    """A database with all tables, on a server that ends with it and survives no power cut."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        migrate(servers.database_url())
        engine = engine_for(servers.database_url())
        try:
            yield engine
        finally:
            engine.dispose()


def pour(engine: sa.Engine, sql: str, **given: object) -> None:
    """Fill an empty table by one `insert into`; its indexes are made afterwards, and foreign keys not looked up."""
    table = sql.split()[2]
    with engine.begin() as conn:
        conn.execute(sa.text("set local session_replication_role = replica"))
        conn.execute(sa.text("set local maintenance_work_mem = '512MB'"))
        unique = conn.execute(_UNIQUE, {"table": table}).all()
        for one in unique:
            conn.execute(sa.text(f'alter table "{table}" drop constraint "{one.name}"'))
        indexes = conn.execute(_INDEXES, {"table": table}).all()
        for one in indexes:
            conn.execute(sa.text(f'drop index "{one.name}"'))
        # Into a table that was truncated in the same transaction PostgreSQL writes without a log.
        conn.execute(sa.text(f'truncate "{table}" cascade'))
        conn.execute(sa.text(sql), given)
        for one in indexes:
            conn.execute(sa.text(one.made))
        for one in unique:
            conn.execute(sa.text(f'alter table "{table}" add constraint "{one.name}" {one.made}'))


def settle(engine: sa.Engine) -> None:
    """As the autovacuum would in a quiet minute."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("vacuum (analyze)"))
        conn.execute(sa.text("checkpoint"))


_UNIQUE = sa.text("""
    select conname as name, pg_get_constraintdef(oid) as made from pg_constraint
    where conrelid = cast(:table as regclass) and contype = 'u'
""")
_INDEXES = sa.text("""
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as made from pg_index
    where indrelid = cast(:table as regclass) and not indisprimary
    and not exists (select from pg_constraint where conindid = indexrelid)
""")
