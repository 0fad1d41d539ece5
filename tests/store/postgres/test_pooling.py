"""Behind a pooler: one that shares connections out is noticed, one that lends them for good serves as any server."""

from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from store.postgres.database import engine_for
from store.postgres.pooling import is_shared_out
from tests.command_line import tenure
from tests.store.postgres.pooler import pooler


def before(database: str) -> tuple[str, str, str]:
    """Socket, user and database of a URL."""
    parts = urlsplit(database)
    [folder] = parse_qs(parts.query)["host"]
    return f"{folder}/.s.PGSQL.5432", parts.username or "", parts.path.removeprefix("/")


def test_a_server_that_is_reached_without_a_pooler_shares_nothing_out(database: str) -> None:
    engine = engine_for(database)
    assert not is_shared_out(engine)
    engine.dispose()


def test_commands_refuse_a_pooler_that_shares_connections_out(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pooler(*before(database), "transaction") as url:
        monkeypatch.setenv("TENURE_DATABASE_URL", url)
        found = tenure("runs")
    assert found.code == 2
    assert "Set the pooler to session mode" in found.err


def test_through_a_pooler_that_lends_connections_for_good_days_begin_in_utc(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pooler(*before(database), "session") as url:
        monkeypatch.setenv("TENURE_DATABASE_URL", url)
        assert tenure("runs").code == 0
        engine = engine_for(url)
        with engine.connect() as conn:
            assert conn.execute(sa.text("select current_setting('timezone')")).scalar_one() == "UTC"
        engine.dispose()
