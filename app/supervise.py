"""Keeps worker and web running as child processes: started, watched, started again when they die, stopped together."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.embedded.child import dying_with_parent
from app.entering import first_link
from app.listening import address_of, free_port, is_listened_at
from app.running import Services

_ROOT = Path(__file__).resolve().parent.parent
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY = 60.0
"""Seconds in service after which a death says nothing about the ones before."""
_STOP_LIMIT = 20.0


@dataclass
class Process:
    """A child of ours, and how often it has died lately."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    held: bool = False
    """Whether it shall import what it needs and then wait for `let_go`; the command knows how."""
    popen: "subprocess.Popen[bytes] | None" = None
    deaths: int = 0
    start_at: float = field(default_factory=time.monotonic)

    def tick(self) -> None:
        """Start it when it should run and does not."""
        if self.popen is not None and self.popen.poll() is not None:
            now = time.monotonic()
            self.deaths = 0 if now - self.start_at > _STEADY else self.deaths
            pause = _PAUSES[min(self.deaths, len(_PAUSES) - 1)]
            self.popen, self.deaths, self.start_at = None, self.deaths + 1, now + pause
        if self.popen is None and time.monotonic() >= self.start_at:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self.popen = subprocess.Popen(
                    [*self.command, *(["--held"] if self.held else [])],
                    stdin=subprocess.PIPE if self.held else subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    preexec_fn=dying_with_parent(signal.SIGTERM, os.getpid()),  # noqa: PLW1509 - runs before exec, starts no thread
                )

    def let_go(self) -> None:
        """Have it work: it, or whoever takes its place should it have died meanwhile."""
        self.held = False
        if self.popen is not None and self.popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self.popen.stdin as word:
                word.write(b"\n")
        self.tick()

    def stop(self) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.terminate()

    def wait(self) -> None:
        if self.popen is None:
            return
        try:
            self.popen.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Children(NamedTuple):
    """Worker and web, not started yet, and the address the web will have."""

    worker: Process
    web: Process
    address: str


def children(services: Services) -> Children:
    """Those of this home."""
    settings = services.settings
    port = free_port(settings)
    environment = {
        **os.environ,
        "TENURE_HOME": str(settings.home),
        "TENURE_WEB_PORT": str(port),
        "PYTHONPATH": str(_ROOT),
    }

    def child(name: str) -> Process:
        command = [sys.executable, "-m", "app", name]
        return Process(name=name, command=command, environment=environment, log=settings.home / "logs" / f"{name}.log")

    address = address_of(settings.web_host, port)
    # Commands that print links look for it there.
    settings.address_file.parent.mkdir(parents=True, exist_ok=True)
    settings.address_file.write_text(address, encoding="utf-8")
    return Children(child("worker"), child("web"), address)


async def supervise(services: Services, announce: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM; then both children are stopped and waited for."""
    worker, web, address = children(services)
    stop = asyncio.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(which, stop.set)
    if not services.settings.temporal_configured:
        announce(f"Temporal's pages: {services.servers.temporal().ui_url}")
    try:
        told = False
        while not stop.is_set():
            worker.tick()
            web.tick()
            if not told and (await asyncio.to_thread(is_listened_at, address) or web.deaths):
                told = True
                await _tell(services, address, announce, log=web.log if web.deaths else None)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.2)
    finally:
        stop_all(worker, web)


async def _tell(services: Services, address: str, announce: Callable[[str], None], *, log: Path | None) -> None:
    """Where the pages are; `log` of the web, where it ended before they were there, and is started again."""
    announce(f"Tenure's pages:   {address}" + (f" (not there yet: see {log})" if log else ""))
    if link := await asyncio.to_thread(first_link, services):
        announce(f"The first admin:  {link} (works once)")
    announce("Ctrl-C stops everything.")


def stop_all(*processes: Process) -> None:
    """Ask all first, then wait for each."""
    for process in processes:
        process.stop()
    for process in processes:
        process.wait()
