import contextlib
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.workspace import load_workspace
from store.current.columns import ensure_columns
from store.migrate import MIGRATIONS, UnknownTables, migrate
from store.postgres.database import engine_for
from store.revisions import newest
from store.schema import metadata


@contextlib.contextmanager
def connected(url):
    engine = engine_for(url)
    with engine.begin() as conn:
        yield conn
    engine.dispose()


def differences(url):
    def leave_out_fields(_object, name, kind, _reflected, _compared):
        of_a_workspace = (kind == "column" and "." in name) or name.startswith("account_now_of_")
        return not of_a_workspace and name != "alembic_version"

    with connected(url) as conn:
        context = MigrationContext.configure(conn, opts={"include_object": leave_out_fields, "compare_type": True})
        return compare_metadata(context, metadata)


def test_a_migrated_database_is_what_the_schema_says(database):
    assert differences(database) == []


def test_the_newest_revision_is_the_one_that_migrations_lead_to():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [newest()]


def test_to_ask_whether_a_database_is_current_takes_no_alembic():
    asked = "import sys, store.readiness, store.postgres.database; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_columns_of_a_deployed_workspace_are_no_difference(database):
    with connected(database) as conn:
        ensure_columns(conn, load_workspace({"tenure.yaml": b"name: W\nmetrics: { nps: number }\n"}))
    assert differences(database) == []


def test_migrating_again_and_from_another_folder_changes_nothing(database, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    migrate(database)
    assert list(tmp_path.iterdir()) == []
    assert differences(database) == []


def test_several_processes_may_migrate_an_empty_database_at_once(database):
    with connected(database) as conn:
        conn.execute(sa.text("drop schema public cascade"))
        conn.execute(sa.text("create schema public"))
    faults = []

    def run():
        try:
            migrate(database)
        except Exception as error:  # noqa: BLE001 - whatever a thread dies of is the finding
            faults.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert differences(database) == []


def test_a_database_with_tables_of_another_version_is_left_alone_and_named(database):
    with connected(database) as conn:
        conn.execute(sa.text("update alembic_version set version_num = '0001_of_another'"))
    with pytest.raises(UnknownTables, match="0001_of_another"):
        migrate(database)
    with connected(database) as conn:
        assert conn.execute(sa.text("select version_num from alembic_version")).scalar() == "0001_of_another"


@pytest.mark.parametrize("scheme", ["postgresql://", "postgres://", "postgresql+psycopg://"])
def test_every_spelling_of_the_url_reaches_the_database(database, scheme):
    with connected(scheme + database.partition("://")[2]) as conn:
        assert conn.execute(sa.text("show timezone")).scalar() == "UTC"
