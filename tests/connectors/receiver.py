"""A receiver of requests on a real socket, which answers as it is told: bytes, pauses, and hanging up."""

import contextlib
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Self

from tests.waiting import PATIENCE

Part = bytes | float | str
"""Bytes to send, seconds to wait, or "reset" to cut the connection hard."""


def reply(status: int, body: bytes = b"", **headers: str) -> list[Part]:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
    return [head.encode() + body]


@dataclass
class Received:
    """A request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers one request a connection with the next of `answers`, or as usual."""

    answers: deque[list[Part]] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)
    context: ssl.SSLContext | None = None
    silent: threading.Event = field(init=False)
    """Set once it has begun to wait seconds."""
    hang_ups: int = 0
    """So many connections are cut hard when something has come that is not read."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._stopping, self.silent = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._listener.close()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def url(self, path: str = "/hooks?x=1") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def usual(self) -> list[Part]:
        return reply(200)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                conn, _ = self._listener.accept()
            except TimeoutError:
                continue
            with conn:
                conn.settimeout(PATIENCE)
                if self.hang_ups:
                    self.hang_ups -= 1
                    with contextlib.suppress(OSError):
                        conn.recv(1, socket.MSG_PEEK)
                    _cut(conn)
                    continue
                with contextlib.suppress(OSError), self._secured(conn) as secured:
                    self._serve(secured)

    def _secured(self, conn: socket.socket) -> socket.socket:
        return self.context.wrap_socket(conn, server_side=True) if self.context else conn

    def _serve(self, conn: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = conn.recv(65_536)
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += conn.recv(65_536)
        self.received.append(Received(line, headers, body))
        for part in self.answers.popleft() if self.answers else self.usual():
            if part == "reset":
                _cut(conn)
                return
            if isinstance(part, float):
                self.silent.set()
                deadline = time.monotonic() + part
                while time.monotonic() < deadline and not self._stopping.is_set():
                    self._stopping.wait(0.02)
            elif isinstance(part, bytes):
                conn.sendall(part)


def _cut(conn: socket.socket) -> None:
    """What is closed from here on is reset, with all that was not read."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
