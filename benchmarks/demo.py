"""How soon the demo sends its first mail in an empty home, beside its bare servers; and how long its days take."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from app.embedded import Servers
from app.embedded.places import Places
from benchmarks.measure import ROOT, Figure, environment, median

_ROUNDS = 2
_LOOK = 0.05
_PATIENCE = 600
_MOST_SECONDS = 15
_DAYS, _MOST_FOR_DAYS = 60, 60
_SERVERS = """
import asyncio, pathlib, sys
from app.cli.leaving import leave
from app.running import Services
with Services(pathlib.Path(sys.argv[1])) as services:
    services.database
    asyncio.run(services.temporal())
leave(0)
"""


def first_mail() -> Iterator[Figure]:
    servers, mails = [], []
    for _ in range(_ROUNDS):
        servers.append(_seconds("-c", _SERVERS))
        mails.append(_until_first_mail())
    value = median(mails)
    yield Figure(
        name="demo_first_mail",
        value=value,
        unit="s",
        ceiling=median(servers),
        target=f"< {_MOST_SECONDS}",
        holds=value < _MOST_SECONDS,
        note="the ceiling starts the servers and makes the tables",
    )


def days() -> Iterator[Figure]:
    value = _seconds("-m", "app", "demo", "--once", "--days", str(_DAYS), "--home")
    yield Figure(
        name="demo_days",
        value=value,
        unit="s",
        target=f"< {_MOST_FOR_DAYS}",
        holds=value < _MOST_FOR_DAYS,
        note=f"{_DAYS} virtual days with everything",
    )


def _seconds(*arguments: str) -> float:
    """A process whose last argument is a fresh home, from start to end."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments, home], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
        )
        spent = time.perf_counter() - began
        _gone(Path(home))
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return spent


def _until_first_mail() -> float:
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home:
        began = time.perf_counter()
        command = [sys.executable, "-m", "app", "demo", "--once", "--days", "4", "--home", home]
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        watcher = _Watcher(Path(home))
        try:
            while not watcher.has_mail():
                if child.poll() is not None:
                    raise RuntimeError("the demo ended without a mail")
                if time.perf_counter() - began > _PATIENCE:
                    raise TimeoutError("no mail came")
                time.sleep(_LOOK)
            return time.perf_counter() - began
        finally:
            watcher.close()
            child.terminate()
            child.wait()
            _gone(Path(home))


class _Watcher:
    """Looks into the database of a home that somebody else is furnishing."""

    def __init__(self, home: Path) -> None:
        self._places, self._servers = Places(home), Servers(home)
        self._conn: psycopg.Connection[tuple[int]] | None = None

    def has_mail(self) -> bool:
        if self._conn is None:
            # Not before the demo has started it, or its start would be ours.
            if not (self._places.sockets / ".s.PGSQL.5432").exists():
                return False
            self._conn = psycopg.connect(self._servers.database_url().replace("+psycopg", ""), autocommit=True)
        try:
            return self._conn.execute("select 1 from mail where settled_at is not null limit 1").fetchone() is not None
        except psycopg.errors.UndefinedTable:
            return False

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._servers.close()


def _gone(home: Path) -> None:
    """The servers end soon after their last user; the home is removed only then."""
    held = (Places(home).keeper_socket, home / "postgres" / "postmaster.pid")
    deadline = time.monotonic() + 30
    while any(one.exists() for one in held) and time.monotonic() < deadline:
        time.sleep(_LOOK)
