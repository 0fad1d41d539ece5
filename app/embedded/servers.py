"""What the rest of the application sees of the embedded servers: ask for one, and it is there until you let go."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from app.embedded.places import Places, last_lines
from app.errors import ServerAway

_ANSWER_LIMIT_SECONDS = 120.0
_END_LIMIT_SECONDS = 30.0
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class TemporalAddress:
    """Where the embedded Temporal answers."""

    address: str
    """host:port of its gRPC service."""
    namespace: str
    ui_url: str


class Servers:
    """The embedded servers of one home, shared with every other process that opened the same home.

    They start when first asked for and stop soon after the last process that asked has ended, in whatever way.
    `durable=False` is for tests and the demo: faster, and the data may be lost with the machine.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._places = Places(home.resolve())
        self._durable = durable
        self._connection: socket.socket | None = None
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def database_url(self) -> str:
        """Start PostgreSQL if need be, wait until it answers, and return the URL of its database."""
        return str(self._ask("postgres")["address"]["url"])

    def temporal(self) -> TemporalAddress:
        """Start Temporal if need be, wait until its namespace answers, and return where."""
        return TemporalAddress(**self._ask("temporal")["address"])

    def pids(self) -> dict[str, int]:
        """The processes at work (keeper, postgres, temporal), for whoever wants to kill one."""
        return {name: int(pid) for name, pid in self._ask("pids")["pids"].items()}

    def close(self) -> None:
        """Let go of the servers; they stop when nobody else uses them."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def end(self) -> None:
        """Let go of the servers, and where nobody else uses them, come back when they have stopped: they do not linger
        for the next command, and their folder may be thrown away."""
        alone = False
        # Where a thread still waits for an answer, this one would take it for its own.
        if self._connection is not None and self._one_at_a_time.acquire(blocking=False):
            try:
                alone = bool(self._exchange("leave")["leave"]["alone"])
            except (OSError, ServerAway):
                pass  # the keeper is going or gone by itself
            finally:
                self._one_at_a_time.release()
        self.close()
        if alone:
            _wait_for(self._places.keeper_lock)

    def _ask(self, want: str) -> dict[str, dict[str, str]]:
        with self._one_at_a_time:
            for _ in range(3):
                try:
                    answer = self._exchange(want)
                except (ConnectionError, FileNotFoundError):
                    # The keeper was just ending, or somebody killed it: the next attempt starts another.
                    self.close()
                    continue
                if "away" in answer:
                    raise ServerAway(**answer["away"])
                return answer
        raise self._away("The keeper process ends as soon as it is asked.", since=0)

    def _exchange(self, want: str) -> dict[str, dict[str, str]]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.sendall(json.dumps({"want": want}).encode() + b"\n")
        received = b""
        while not received.endswith(b"\n"):
            try:
                part = self._connection.recv(65536)
            except TimeoutError:
                self.close()  # a late answer must not be taken for the next one
                raise self._away(f"No answer in {_ANSWER_LIMIT_SECONDS:.0f} s.", since=0) from None
            if not part:
                raise ConnectionResetError("the keeper is gone")
            received += part
        answer: dict[str, dict[str, str]] = json.loads(received)
        return answer

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_ANSWER_LIMIT_SECONDS)
        try:
            try:
                connection.connect(str(self._places.keeper_socket))
            except (ConnectionError, FileNotFoundError, NotADirectoryError):
                self._start_keeper()
                connection.connect(str(self._places.keeper_socket))
        except BaseException:
            connection.close()
            raise
        return connection

    def _start_keeper(self) -> None:
        if sys.platform == "win32":
            hint = "Name servers in TENURE_DATABASE_URL and TEMPORAL_ADDRESS, or use WSL."
            raise ServerAway("PostgreSQL", "this system (Windows)", hint)
        command = [sys.executable, "-m", "app.embedded.keeper", str(self._places.home)]
        try:
            self._places.make_logs()
            with self._places.log("keeper").open("ab") as log:
                since = log.tell()
                # Detached: it belongs to all its users, and a Ctrl-C meant for one of them must not reach it.
                done = subprocess.run(
                    command + ([] if self._durable else ["--not-durable"]),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=_PROJECT,
                    start_new_session=True,
                    check=False,
                )
        except OSError as error:
            hint = f"Its files cannot be written ({error.strerror}). Choose another place with TENURE_HOME."
            raise ServerAway("PostgreSQL", str(error.filename or self._places.home), hint) from error
        if done.returncode != 0:
            raise self._away("The keeper process did not start.", since=since)

    def _away(self, reason: str, *, since: int) -> ServerAway:
        log = self._places.log("keeper")
        hint = f"{reason} It said:\n{last_lines(log, since=since)}"
        return ServerAway("The keeper of the embedded servers", str(log), hint)


def _wait_for(lock: Path) -> None:
    """Until the keeper has let go of its lock, which it does with its last breath."""
    import fcntl  # not on Windows, where there is no keeper either

    deadline = time.monotonic() + _END_LIMIT_SECONDS
    with contextlib.suppress(FileNotFoundError), lock.open("a") as held:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
            else:
                return
