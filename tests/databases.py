"""Databases for tests: one per test process, which looks after every test as if it had just been made.

To make one takes PostgreSQL a tenth of a second, and the connections to a new one know none of its tables yet.
"""

import itertools

import psycopg
import sqlalchemy as sa

from store import schema
from store.postgres.database import engine_for

_numbers = itertools.count(1)
_engines: dict[str, sa.Engine] = {}


def engine_of(url: str) -> sa.Engine:
    """One per database: its connections and the statements it has compiled serve every test of the process."""
    if url not in _engines:
        _engines[url] = engine_for(url)
    return _engines[url]


def let_go() -> None:
    """Close all their connections."""
    while _engines:
        _engines.popitem()[1].dispose()


def make_database(server_url: str, name: str, template: str) -> str:
    """A copy of the template; its URL."""
    with psycopg.connect(_plain(server_url), autocommit=True) as conn:
        conn.execute(f"create database {name} template {template} strategy file_copy".encode())
    return server_url.replace("/tenure?", f"/{name}?")


class Lent:
    """A database that is lent to one test after the other."""

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url = server_url
        self._template = template
        self._name = ""
        self._url = ""
        self._shape: object = None

    def lend(self) -> str:
        """Its URL; it is migrated and empty."""
        if not self._url:
            self._name = f"test_{next(_numbers)}"
            self._url = make_database(self._server_url, self._name, self._template)
            with engine_of(self._url).connect() as conn:
                self._shape = conn.execute(_SHAPE).one()
        return self._url

    def take_back(self) -> None:
        """End whatever still works there and empty it; make a new one next time if a test has changed what it is."""
        engine = engine_of(self._url)
        own = _come_to_rest(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(_END_OTHERS, {"own": own})
        if not self._empty(engine):
            self.remove()

    def _empty(self, engine: sa.Engine) -> bool:
        with engine.begin() as conn:
            if conn.execute(_ACCOUNT_NOW_IS_WIDER, {"columns": len(schema.account_now.columns)}).scalar_one():
                schema.account_now.drop(conn)
                schema.account_now.create(conn)
            conn.exec_driver_sql(_EMPTY)
            if not conn.execute(_IS_MIGRATED).scalar_one():
                return False
            return conn.execute(_SHAPE).one() == self._shape

    def remove(self) -> None:
        if self._url:
            _engines.pop(self._url).dispose()
            with psycopg.connect(_plain(self._server_url), autocommit=True) as conn:
                conn.execute(f"drop database {self._name} with (force)".encode())
            self._url = ""


def _come_to_rest(engine: sa.Engine) -> list[int]:
    """Make the connections at rest in the pool as good as new; which backends they are."""
    assert isinstance(engine.pool, sa.QueuePool)
    resting = [engine.connect() for _ in range(max(1, engine.pool.checkedin()))]
    own: list[int] = []
    for conn in resting:
        raw = conn.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        conn.rollback()
        raw.autocommit = True
        # psycopg, too, forgets what it has prepared, but only when it sees a statement it does not know yet.
        raw.execute(f"discard all -- {next(_numbers)}".encode())
        raw.autocommit = False
        own.append(raw.info.backend_pid)
        conn.close()
    return own


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


_END_OTHERS = sa.text("""
    select pg_terminate_backend(pid, 60000) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> all(:own)
""")

_IS_MIGRATED = sa.text("select to_regclass('alembic_version') is not null")

# Deploying gives it columns.
_ACCOUNT_NOW_IS_WIDER = sa.text("select relnatts <> :columns from pg_class where oid = 'account_now'::regclass")

# To delete a few rows is far cheaper than to truncate, which writes every index anew. What many tests have left dead
# rows in has grown, though, or an index of it, and the planner would take it for large.
_EMPTY = """
do $$
declare
    one record;
begin
    set local session_replication_role = replica;  -- neither foreign keys nor what guards the audit log
    for one in
        select oid::regclass as name, 10 * 8192 < greatest(
            pg_relation_size(oid),
            (select max(pg_relation_size(indexrelid)) from pg_index where indrelid = pg_class.oid)
        ) as is_large from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version'
            and pg_relation_size(oid) > 0
    loop
        if one.is_large and not exists (select from pg_constraint where confrelid = one.name) then
            execute 'truncate ' || one.name::text;
        else
            execute 'delete from ' || one.name::text;
        end if;
    end loop;
    for one in select seqrelid::regclass as name, seqstart from pg_sequence
        where pg_sequence_last_value(seqrelid) is not null
    loop
        perform setval(one.name, one.seqstart, false);
    end loop;
end
$$
"""

# Columns and triggers come and go with what tests make; analyzed tables are planned otherwise than new ones.
_SHAPE = sa.text("""
    select count(*), sum(relnatts), count(*) filter (where relkind = 'r' and reltuples >= 0),
        count(*) filter (where pg_relation_size(oid) > 10 * 8192),
        (select array_agg(version_num) from alembic_version), (select count(*) from pg_trigger),
        (select count(*) from pg_proc where pronamespace = 'public'::regnamespace)
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p', 'S', 'i')
""")
