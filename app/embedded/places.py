"""Where the embedded servers of one home keep their files."""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from app.errors import ServerAway

# The longest name put into the socket directory, and what a socket address may hold (Linux 107 bytes, macOS 103).
_LONGEST_SOCKET_NAME = "/.s.PGSQL.5432"
_SOCKET_ADDRESS_LIMIT = 103


class Places:
    """The files of one home; nothing is created by asking."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.postgres = home / "postgres"
        self.temporal = home / "temporal"
        self.logs = home / "logs"
        self.run = home / "run"
        self.keeper_lock = self.run / "keeper.lock"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @property
    def sockets(self) -> Path:
        """The directory of the Unix sockets: in the home, or for a long path in the temporary directory."""
        inside = self.run / "sockets"
        if len(os.fsencode(inside)) + len(_LONGEST_SOCKET_NAME) <= _SOCKET_ADDRESS_LIMIT:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"tenure-{os.getuid()}-{digest}"

    @property
    def keeper_socket(self) -> Path:
        return self.sockets / "keeper"

    def make_logs(self) -> None:
        """Create what a process needs that starts the keeper; like everything in the home, for its owner only."""
        for directory in (self.home, self.logs, self.run):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make_sockets(self) -> None:
        """Create the directory of the sockets, or refuse one that is not ours."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        # In a directory open to everyone, somebody may have put this name there before us. Root hands its sockets
        # to the account that PostgreSQL runs as.
        if not stat.S_ISDIR(found.st_mode) or (os.getuid() != 0 and found.st_uid != os.getuid()):
            raise ServerAway("The keeper", str(self.sockets), "That belongs to somebody else: remove it.")

    def remove_sockets(self) -> None:
        """Leave nothing in the temporary directory; one that still holds something stays."""
        self.keeper_socket.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.sockets.rmdir()


def last_lines(log: Path, count: int = 5, since: int = 0) -> str:
    """The end of a log, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(since)
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
