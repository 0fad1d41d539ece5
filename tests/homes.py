"""Homes for tests that start the command line's own servers, and leave nothing running."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from app.embedded import Servers
from tests.waiting import PATIENCE


@contextlib.contextmanager
def new_home() -> Iterator[Path]:
    """An empty home whose servers are fast, stay up meanwhile, and have ended afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="tenure-home-") as directory,
        Servers(Path(directory), durable=False) as held,
    ):
        held.database_url()
        held.temporal()
        yield Path(directory)
        keeper = psutil.Process(held.pids()["keeper"])
        keeper.terminate()
        psutil.wait_procs([keeper], timeout=PATIENCE)
