"""Homes for tests that start the command line's own servers, and leave nothing running."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from app.embedded import Servers


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
        psutil.wait_procs([keeper], timeout=30)


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Poll until it is so; AssertionError when it takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)
