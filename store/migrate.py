"""Bring a database to the newest schema; safe when several processes do it at once, and from any folder."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from store.postgres.database import engine_for

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_366_873  # any fixed number: two processes that start together must not both create the tables


class UnknownTables(Exception):
    """The tables were made by a version of Tenure that this one does not know: a newer, or an unreleased one."""


def migrate(url: str) -> None:
    """Apply every revision the database does not have yet; UnknownTables, and nothing is changed, if it has others."""
    engine = engine_for(url, pool_size=1)
    try:
        with engine.begin() as conn:
            conn.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            command.upgrade(alembic_config(conn), "head")
    except CommandError as error:
        raise UnknownTables(str(error)) from error
    finally:
        engine.dispose()


def alembic_config(conn: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config
