"""Servers of a bench's own with a filled database, and the worker beside them as it runs in production."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa
from temporalio.client import Client

from app.embedded import Servers
from app.temporal import prepare_namespace
from benchmarks.measure import ROOT, environment
from store.migrate import migrate
from store.postgres.database import engine_for
from workflows.converter import DATA_CONVERTER

_PATIENCE = 120.0
_LOOK = 0.05
_READY = "worker.ready"


@dataclass(frozen=True)
class Served:
    """PostgreSQL and Temporal, and how to reach them."""

    home: Path
    database: sa.Engine
    client: Client
    keeper: psutil.Process
    """The parent of both servers."""


@asynccontextmanager
async def served(furnish: Callable[[sa.Engine], None]) -> AsyncIterator[Served]:
    """With all tables, filled by `furnish`; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        url = await asyncio.to_thread(servers.database_url)
        await asyncio.to_thread(migrate, url)
        database = engine_for(url)
        keeper = psutil.Process(servers.pids()["keeper"])
        try:
            await asyncio.to_thread(furnish, database)
            address = await asyncio.to_thread(servers.temporal)
            client = await Client.connect(address.address, namespace=address.namespace, data_converter=DATA_CONVERTER)
            await prepare_namespace(client, embedded=True)
            yield Served(Path(home), database, client, keeper)
        finally:
            database.dispose()
            servers.close()
            await asyncio.to_thread(_end, keeper)


@asynccontextmanager
async def worker(here: Served) -> AsyncIterator[psutil.Process]:
    """`tenure worker`, once it says that it is ready."""
    child = await asyncio.to_thread(_started, here.home)
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        await asyncio.to_thread(child.wait)


def _started(home: Path) -> subprocess.Popen[bytes]:
    log = home / "worker.log"
    with log.open("wb") as into:
        command = [sys.executable, "-m", "app", "worker", "--home", str(home)]
        child = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=into, stderr=into)
    deadline = time.monotonic() + _PATIENCE
    while _READY not in (said := log.read_text(encoding="utf-8", errors="replace")):
        if child.poll() is not None or time.monotonic() > deadline:
            child.kill()
            raise RuntimeError(f"the worker does not get ready: {said[-2000:]}")
        time.sleep(_LOOK)
    return child


def _end(keeper: psutil.Process) -> None:
    """The keeper lets its servers go when its last user has; the home is removed only then."""
    try:
        keeper.terminate()
        keeper.wait(30)
    except psutil.NoSuchProcess:
        pass
