import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from app.embedded import Servers
from app.embedded.places import Places
from app.embedded.temporal import SEARCH_ATTRIBUTES, Temporal
from app.errors import ServerAway
from tests.waiting import until

_ROOT = Path(__file__).resolve().parents[2]
_USER = """
import contextlib
import json, sys
from pathlib import Path
from app.embedded import Servers
servers = Servers(Path(sys.argv[1]), durable=False)
servers.database_url()
if "temporal" in sys.argv:
    servers.temporal()
print(json.dumps(servers.pids()), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def _new_home():
    with tempfile.TemporaryDirectory(prefix="tenure-embedded-") as directory:
        yield Path(directory)
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or ()
            if "app.embedded.keeper" in command and any(part.startswith(directory) for part in command):
                process.terminate()  # sooner than it would notice by itself
        until(lambda: not _running_in(Path(directory)))


@pytest.fixture(scope="module")
def home():
    with _new_home() as home:
        yield home


@pytest.fixture
def own_home():
    with _new_home() as home:
        yield home


def _start_user(home: Path, *wants: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _USER, str(home), *wants]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)


def _pids_of(user):
    return json.loads(user.stdout.readline())


def _running_in(home: Path) -> list[str]:
    lines = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(home) in line]


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _new_pid(servers, name, old):
    return until(lambda: (pid := servers.pids().get(name)) != old and pid)


def _query(servers, statement):
    with psycopg.connect(servers.database_url().replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _start_run(servers: Servers, account: str) -> None:
    from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

    async def start(client):
        keyword = SearchAttributeKey.for_keyword(SEARCH_ATTRIBUTES[0])
        attributes = TypedSearchAttributes([SearchAttributePair(keyword, account)])
        await client.start_workflow("run", id=account, task_queue="nobody", search_attributes=attributes)

    _with_client(servers, start)


def _has_run(servers: Servers, account: str) -> bool:
    async def count(client):
        return (await client.count_workflows(f"{SEARCH_ATTRIBUTES[0]} = '{account}'")).count

    return bool(_with_client(servers, count) == 1)


def _with_client(servers, work):
    import asyncio

    from temporalio.client import Client

    async def connected():
        at = servers.temporal()
        return await work(await Client.connect(at.address, namespace=at.namespace))

    return asyncio.run(connected())


def test_a_query_is_answered_and_text_sorts_by_code_point_yet_knows_letters(home):
    with Servers(home, durable=False) as servers:
        rows = _query(servers, "SELECT name, lower(name) FROM (VALUES ('b'), ('É'), ('B')) AS t (name) ORDER BY name")
    assert rows == [("B", "b"), ("b", "b"), ("É", "é")]


def test_who_needs_only_postgresql_does_not_start_temporal(own_home):
    with Servers(own_home, durable=False) as servers:
        servers.database_url()
        assert servers.pids().keys() == {"keeper", "postgres"}


def test_processes_that_start_together_share_one_keeper(home):
    users = [_start_user(home) for _ in range(4)]
    pids = [_pids_of(user) for user in users]
    assert pids == [pids[0]] * 4
    for user in users:
        user.communicate("")


def test_whoever_ends_them_alone_comes_back_when_they_have_stopped(own_home):
    servers = Servers(own_home, durable=False)
    servers.database_url()
    pids = servers.pids()
    servers.end()
    assert not any(psutil.pid_exists(pid) for name, pid in pids.items() if name != "keeper")
    until(lambda: _running_in(own_home) == [])


def test_whoever_ends_them_beside_others_leaves_them_running(home):
    user = _start_user(home)
    pids = _pids_of(user)
    with Servers(home, durable=False) as servers:
        servers.database_url()
        servers.end()
    assert all(psutil.pid_exists(pid) for pid in pids.values())
    user.communicate("")


def test_a_killed_user_leaves_nothing_behind(home):
    user = _start_user(home, "temporal")
    pids = _pids_of(user)
    assert pids.keys() == {"keeper", "postgres", "temporal"}
    _kill(user.pid)
    user.communicate()
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids.values()))
    until(lambda: not _running_in(home))


def test_a_killed_postgresql_is_back_at_the_same_address_with_its_data(home):
    with Servers(home, durable=False) as servers:
        url = servers.database_url()
        _query(servers, "DROP TABLE IF EXISTS kept")
        _query(servers, "CREATE TABLE kept AS SELECT 42 AS answer")
        old = servers.pids()["postgres"]
        _kill(old)
        _new_pid(servers, "postgres", old)
        assert servers.database_url() == url
        assert _query(servers, "SELECT answer FROM kept") == [(42,)]


def test_a_killed_temporal_is_back_at_the_same_address_and_finds_its_runs_by_account(home):
    with Servers(home, durable=False) as servers:
        address = servers.temporal()
        _start_run(servers, "before")
        old = servers.pids()["temporal"]
        _kill(old)
        _new_pid(servers, "temporal", old)
        assert servers.temporal() == address
        _start_run(servers, "after")
        assert until(lambda: all(_has_run(servers, account) for account in ("before", "after")))


def test_a_killed_keeper_takes_its_servers_along_and_the_next_request_recovers(home):
    with Servers(home, durable=False) as servers:
        url, address = servers.database_url(), servers.temporal()
        _query(servers, "DROP TABLE IF EXISTS kept")
        _query(servers, "CREATE TABLE kept AS SELECT 42 AS answer")
        pids = servers.pids()
        _kill(pids["keeper"])
        if sys.platform == "linux":  # elsewhere the next keeper ends them
            until(lambda: not any(psutil.pid_exists(pid) for pid in pids.values()))
        assert servers.database_url() == url
        assert servers.temporal() == address
        assert not set(servers.pids().values()) & set(pids.values())
        assert _query(servers, "SELECT answer FROM kept") == [(42,)]


def test_a_pid_file_whose_number_now_belongs_to_another_program_does_not_stop_the_start(home):
    with Servers(home, durable=False) as servers:
        servers.database_url()
        pids = servers.pids()
        _kill(pids["keeper"])
        until(lambda: not _running_in(home))
        (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home}/postgres\n0\n5432\n\n\n\nready\n")
        assert _query(servers, "SELECT 1") == [(1,)]


def test_a_first_start_that_was_cut_short_is_made_afresh(own_home):
    (own_home / "postgres.new").mkdir()
    (own_home / "postgres.new" / "PG_VERSION").write_text("18\n")
    (own_home / "temporal").mkdir()
    (own_home / "temporal" / "temporal.db").write_bytes(b"half a file")
    with Servers(own_home, durable=False) as servers:
        assert _query(servers, "SELECT 1") == [(1,)]
        _start_run(servers, "first")
        assert until(lambda: _has_run(servers, "first"))


def test_files_of_another_release_are_refused_with_a_way_out(own_home):
    for name, file, content in (("postgres", "PG_VERSION", "16\n"), ("temporal", "version", "temporal 0.1\n")):
        (own_home / name).mkdir()
        (own_home / name / file).write_text(content)
    with Servers(own_home, durable=False) as servers:
        with pytest.raises(ServerAway, match="made by PostgreSQL 16"):
            servers.database_url()
        with pytest.raises(ServerAway, match=r"made by “temporal 0\.1”"):
            servers.temporal()
        # The refusal is an answer, not a breakdown: the keeper still serves.
        assert servers.pids().keys() == {"keeper"}


def test_postgresql_takes_a_share_of_the_memory_within_bounds(home):
    with Servers(home, durable=False) as servers:
        [(pages,)] = _query(servers, "select setting::int from pg_settings where name = 'shared_buffers'")
    assert pages * 8 == min(max(psutil.virtual_memory().total // 16 >> 20, 256), 1024) * 1024


def test_a_server_that_cannot_start_says_why(own_home):
    (own_home / "postgres").mkdir()
    (own_home / "postgres" / "PG_VERSION").write_text("18\n")
    with Servers(own_home, durable=False) as servers, pytest.raises(ServerAway, match="configuration file"):
        servers.database_url()


@pytest.mark.parametrize("name", ["home", "long" * 30], ids=["sockets inside", "sockets elsewhere"])
def test_a_home_that_cannot_be_written_says_so(name):
    with (
        tempfile.NamedTemporaryFile(prefix="tenure-embedded-") as file,
        Servers(Path(file.name) / name) as servers,
        pytest.raises(ServerAway, match="TENURE_HOME"),
    ):
        servers.database_url()


def test_a_home_with_a_long_path_gets_its_sockets_elsewhere(own_home):
    long_home = own_home / ("long" * 30)
    with Servers(long_home, durable=False) as servers:
        url = servers.database_url()
        assert str(long_home) not in url
        assert _query(servers, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(("durable", "mode"), [(True, "NORMAL"), (False, "OFF")])
def test_temporal_waits_for_the_disk_unless_its_data_may_be_lost_with_the_machine(tmp_path, durable, mode):
    assert f"synchronous={mode}" in Temporal(Places(tmp_path), durable=durable).command()
