"""One server as a child process: started, watched, started again with growing pauses when it dies, stopped cleanly."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import psutil

from app.embedded.places import last_lines
from app.errors import ServerAway

_log = logging.getLogger("keeper")

_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_FAILURES_TO_REPORT = 5
_START_LIMIT_SECONDS = 60.0
_STOP_LIMIT_SECONDS = 15.0
# After this long in service, a death says nothing about the ones before.
_STEADY_SECONDS = 30.0
_LOG_LIMIT_BYTES = 10_000_000

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Server(Protocol):
    """What the keeper must know about a kind of server."""

    title: str
    """Its name for people."""
    mark: str
    """A path that stands in its command line and in no other program's: how a leftover is recognised."""
    user: int | None
    """The account to run as, when it may not be ours."""
    stop_signal: signal.Signals
    """Ends it cleanly."""
    orphan_signal: signal.Signals
    """What the kernel sends it when the keeper dies."""
    environment: Mapping[str, str]
    """All that it sees of one."""

    def prepare(self) -> None:
        """Make everything ready for a start, or raise ServerAway; nothing of it runs now."""

    def command(self) -> list[str]: ...

    def is_ready(self, pid: int) -> bool: ...

    def address(self) -> dict[str, str]:
        """How users reach it; stays the same while the keeper lives."""


class Child:
    """Keeps one server running. Everything happens in `tick`, on the keeper's main thread."""

    def __init__(self, server: Server, log: Path) -> None:
        self.server = server
        self.ready = False
        self.served = False
        self._log_path = log
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started_at = 0.0
        self._start_at = 0.0
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def prepare(self) -> None:
        """End what an earlier keeper may have left behind, then let the server get its files ready."""
        _end_leftovers(self.server)
        self.server.prepare()

    def tick(self) -> None:
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self._start(now)
        elif (code := self._process.poll()) is not None:
            self._ended(code, now)
        elif self.ready:
            return
        elif self.server.is_ready(self._process.pid):
            self.ready = self.served = True
            _log.info("%s answers (pid %d)", self.server.title, self._process.pid)
        elif now - self._started_at > _START_LIMIT_SECONDS:
            _log.error("%s does not answer; killing it", self.server.title)
            self._process.kill()

    @property
    def problem(self) -> ServerAway | None:
        """Why it does not come up, once it failed often enough to be worth telling."""
        if self._failures < _FAILURES_TO_REPORT:
            return None
        said = last_lines(self._log_path, since=self._log_start)
        return ServerAway(self.server.title, str(self._log_path), f"It ends right after its start. It said:\n{said}")

    def next_tick_in(self) -> float | None:
        """Seconds until there is something to do; None while only its death would be news (SIGCHLD tells)."""
        if self._process is None:
            return max(0.0, self._start_at - time.monotonic())
        return None if self.ready else 0.02

    def ask_to_stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(self.server.stop_signal)

    def wait_until_stopped(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            _log.warning("%s does not stop; killing it", self.server.title)
            self._process.kill()
            self._process.wait()
        _log.info("%s stopped", self.server.title)

    def _start(self, now: float) -> None:
        if self._log_path.exists() and self._log_path.stat().st_size > _LOG_LIMIT_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".log.1"))
        with self._log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self.server.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self.server.environment,
                preexec_fn=dying_with_parent(self.server.orphan_signal, os.getpid()),  # noqa: PLW1509 - the keeper has one thread
                user=self.server.user,
                group=self.server.user,
                extra_groups=None if self.server.user is None else [],
            )
        self._started_at = now

    def _ended(self, code: int, now: float) -> None:
        steady = self.ready and now - self._started_at > _STEADY_SECONDS
        self._failures = 0 if steady else self._failures + 1
        pause = _PAUSES[min(max(0, self._failures - 1), len(_PAUSES) - 1)]
        _log.warning("%s ended (status %d); starting it again in %.1f s", self.server.title, code, pause)
        self._process, self.ready, self._start_at = None, False, now + pause


# The caller's variables (PGOPTIONS, TEMPORAL_…, LD_PRELOAD) must not reach into the servers.
CLEAN_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}


def dying_with_parent(orphan_signal: signal.Signals, parent: int) -> Callable[[], None]:
    """What a child does just before it becomes the server: have the kernel end it when its parent dies (Linux)."""

    def prepare_child() -> None:
        # Runs after the account was changed, which would clear this again.
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare_child


def _end_leftovers(server: Server) -> None:
    """Where the kernel does not do it (macOS), or has not finished, a killed keeper's server may still run."""
    leftovers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid() and server.mark in (process.info["cmdline"] or ())
    ]
    for process in leftovers:
        _log.warning("ending a leftover %s (pid %d)", server.title, process.pid)
        _signal(process, server.stop_signal)
    _, stubborn = psutil.wait_procs(leftovers, timeout=_STOP_LIMIT_SECONDS)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=_STOP_LIMIT_SECONDS)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
