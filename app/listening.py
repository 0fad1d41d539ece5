"""Whether the pages can be served where the settings say: asked before anything is started that would die of it."""

import contextlib
import errno
import socket
from urllib.parse import urlsplit

from app.errors import SettingsError
from app.settings import Settings

_HOST, _PORT = "TENURE_WEB_HOST", "TENURE_WEB_PORT"
_OURS = "Use an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for all of them."


def free_port(settings: Settings) -> int:
    """The port that the settings name, or a free one; raises SettingsError where nobody can listen."""
    host, port = settings.web_host, settings.web_port
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise SettingsError(_HOST, f"is {host!r}, which is no address that is known here", _OURS) from error
    with socket.socket(family, kind) as probe:
        # What a server that has just ended leaves behind does not keep the next one out.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise _refusal(host, port, error) from error
        found: int = probe.getsockname()[1]
        return found


def address_of(host: str, port: int) -> str:
    """The web address of who listens there."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_listened_at(address: str) -> bool:
    """Whether somebody listens at a web address by now."""
    parts = urlsplit(address)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1):
        return True
    return False


def _refusal(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        hint = "End that program, or use another port; 0 takes a free one."
        return SettingsError(_PORT, f"is {port}, where another program listens at {host} already", hint)
    if error.errno == errno.EACCES:
        return SettingsError(_PORT, f"is {port}, which is not for every user to listen at", "Use one above 1023.")
    return SettingsError(_HOST, f"is {host!r}, where this machine cannot listen ({error.strerror})", _OURS)
