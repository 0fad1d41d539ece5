"""One POST over HTTP/1.1, byte by byte, so that the moment of no return is known, and to a checked address alone.

What a name resolves to is checked and then connected to: nobody can answer the check with one address and the
connection with another. Redirects are not followed, answers are bounded in size and in time.
"""

import contextlib
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from connectors.errors import Misconfigured, RateLimited, Rejected, Unavailable, UnknownOutcome

_URL = re.compile(r"https?://[!-~]+")
_LONGEST_WAIT = timedelta(days=1)
_TOO_EARLY = (408, 425)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a request may take, and how much of an answer is read."""

    connect_seconds: float = 5
    total_seconds: float = 20
    """From the connection to the last byte that is read."""
    answer_bytes: int = 65_536
    """More is not read; what was answered counts all the same."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said; from `post` only between 200 and 299."""

    status: int
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    """By name in small letters."""
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """What the body holds; None where it is no JSON, or was cut."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Declined(Rejected):
    """The server answered, and will not take this request: 3xx and most of 4xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    hand_over: Callable[[], None],
    *,
    allow_private: bool = False,
    limits: Limits = Limits(),
) -> Answer:
    """Send the body as JSON, calling `hand_over` immediately before the first byte. Raises the errors of the family.

    Messages name the host alone: the rest of an address may be a secret.
    """
    answer = exchange(url, body, headers, hand_over, allow_private=allow_private, limits=limits)
    return _judged(answer, where_of(url))


def exchange(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    hand_over: Callable[[], None],
    *,
    allow_private: bool = False,
    limits: Limits = Limits(),
) -> Answer:
    """The same for those who know what each status means: any answer is one.

    Raises Unavailable and Misconfigured when the request did not leave as a whole, UnknownOutcome when it did and no
    answer came.
    """
    parts = _parts(url, allow_private=allow_private)
    port, where = _port(parts), where_of(url)
    request = _request(parts, body, headers)
    with contextlib.ExitStack() as stack:
        with _outage(where):
            address = _checked(parts.hostname or "", port, allow_private=allow_private)
            sock = stack.enter_context(socket.create_connection((address, port), timeout=limits.connect_seconds))
            if parts.scheme == "https":
                context = _trust(ssl.get_default_verify_paths())
                sock = stack.enter_context(context.wrap_socket(sock, server_hostname=parts.hostname))
        # From here on the deadline is the only clock: what had come by then is told the same way each time.
        sock.settimeout(None)
        stack.enter_context(_deadline(sock, limits.total_seconds))
        hand_over()
        with _outage(where):
            # A request that did not leave as a whole is none: nobody can have acted on it.
            sock.sendall(request)
        return _answer(sock, where, limits)


@lru_cache(maxsize=2)
def _trust(_where: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Made once: reading all the certificates there are takes longer than a request."""
    return ssl.create_default_context()


def where_of(url: str) -> str:
    """The host and port of an address, for messages."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{_port(parts)}"


def is_public(address: IpAddress) -> bool:
    """Whether an address leads out of this machine and its own network, also where it stands inside another one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo is not None:
            return False
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


# --- before ---------------------------------------------------------------------------------------------------------


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _parts(url: str, *, allow_private: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = bool(_URL.fullmatch(url)) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise Misconfigured("the address is no web address; write https://…")
    if parts.scheme != "https" and not allow_private:
        raise Misconfigured(f"{parts.hostname} is not reached over TLS; write https://…")
    if parts.username is not None or parts.password is not None:
        raise Misconfigured(f"the address of {parts.hostname} holds a user's name; leave it out")
    return parts


def _request(parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = {
        "Host": parts.netloc,
        "User-Agent": "Tenure",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _checked(host: str, port: int, *, allow_private: bool) -> str:
    """The address to connect to; raises Misconfigured where the name leads to none that is allowed."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    allowed = [one for one in addresses if allow_private or is_public(ipaddress.ip_address(one.partition("%")[0]))]
    if not allowed:
        raise Misconfigured(
            f"{host} leads into a private network; set allow_private: true at the connector if it is meant to"
        )
    return allowed[0]


@contextlib.contextmanager
def _outage(where: str) -> Iterator[None]:
    """What goes wrong before the request has left as a whole: nothing has happened."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Misconfigured(f"the certificate of {where} is not trusted: {error.verify_message}") from error
    except socket.gaierror as error:
        raise Unavailable(f"the name of {where} cannot be looked up") from error
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{where} is not available: {type(error).__name__}") from error


@contextlib.contextmanager
def _deadline(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Ends the conversation from outside: a server that sends a byte now and then never runs into a time-out."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# --- after ----------------------------------------------------------------------------------------------------------


def _answer(sock: socket.socket, where: str, limits: Limits) -> Answer:
    # Its reader keeps the socket open for as long as it is open itself.
    with contextlib.closing(http.client.HTTPResponse(sock, method="POST")) as response:
        try:
            response.begin()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnknownOutcome(f"{where} did not answer: {type(error).__name__}") from error
        # The status is the answer, with what has come of its head; a body that does not come is none.
        body = b""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            body = response.read(limits.answer_bytes + 1)
        cut = len(body) > limits.answer_bytes
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=headers, body=b"" if cut else body)


def _judged(answer: Answer, where: str) -> Answer:
    status, says = answer.status, f"{where} answered {answer.status}"
    if 200 <= status <= 299:
        return answer
    wait = retry_after(answer)
    if status == 429 or (status >= 500 and wait is not None):
        raise RateLimited(says, wait)
    if status >= 500 or status in _TOO_EARLY:
        raise Unavailable(says)
    if 300 <= status <= 399:
        raise Declined(f"{says}; redirects are not followed", status)
    raise Declined(says, status)


def retry_after(answer: Answer) -> timedelta | None:
    """What `Retry-After` says: seconds, or a date by the server's clock; never longer than a day."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(aware - datetime.now(UTC), timedelta(0)), _LONGEST_WAIT)
