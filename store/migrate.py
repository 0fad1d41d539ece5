"""Bring a database to the newest schema; safe when several processes do it at once, and from any folder."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from store.database import with_driver

_LOCK = 7_366_873  # any fixed number: two processes that start together must not both create the tables


def migrate(url: str) -> None:
    """Apply every revision the database does not have yet."""
    engine = sa.create_engine(with_driver(url), poolclass=sa.NullPool)
    with engine.begin() as conn:
        conn.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(alembic_config(conn), "head")
    engine.dispose()


def alembic_config(conn: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config
