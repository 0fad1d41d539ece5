"""A pooler as PgBouncer is one: it hands a server's connection to a client for a transaction, or for good.

Like that, it answers a client's start by itself, drops the options in it, and gives a number that is no server's.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

_OK = b"R" + struct.pack("!II", 8, 0)
_KEY = b"K" + struct.pack("!III", 12, 1, 1)
_READY = b"Z" + struct.pack("!I", 5) + b"I"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextmanager
def pooler(server_socket: str, user: str, database: str, mode: Literal["transaction", "session"]) -> Iterator[str]:
    """Its URL; before PostgreSQL at a Unix socket that asks for no password."""
    listening = socket.create_server(("127.0.0.1", 0))
    pool = _Pool(server_socket, user, database, by_transaction=mode == "transaction")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=[pool.serve(listening)])
    thread.start()
    try:
        yield f"postgresql://{user}@127.0.0.1:{listening.getsockname()[1]}/{database}?sslmode=disable&gssencmode=disable"
    finally:
        loop.call_soon_threadsafe(pool.over.set)
        thread.join()
        loop.close()


class _Pool:
    def __init__(self, server_socket: str, user: str, database: str, *, by_transaction: bool) -> None:
        self._socket, self._by_transaction = server_socket, by_transaction
        fields = f"user\0{user}\0database\0{database}\0TimeZone\0Asia/Tokyo\0\0".encode()
        self._startup = struct.pack("!II", len(fields) + 8, 196608) + fields
        self._idle: list[Streams] = []
        self._clients: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()

    async def serve(self, listening: socket.socket) -> None:
        async def client(*streams: asyncio.StreamReader | asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._client(*streams))  # type: ignore[arg-type]
            self._clients.add(task)

        server = await asyncio.start_server(client, sock=listening)
        await self.over.wait()
        server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        for _, writer in self._idle:
            writer.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: Streams | None = None
        try:
            await _startup(reader)
            writer.write(_OK + _parameter("TimeZone", "Asia/Tokyo") + _parameter("client_encoding", "UTF8"))
            writer.write(_parameter("standard_conforming_strings", "on") + _KEY + _READY)
            while (message := await _message(reader))[:1] != b"X":
                held = held or await self._take()
                held[1].write(message)
                if message[:1] in (b"Q", b"S"):
                    state = await _answer(held, writer)
                    if self._by_transaction and state == b"I":
                        self._idle.append(held)
                        held = None
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            if held is not None:
                held[1].close()

    async def _take(self) -> Streams:
        if self._idle:
            return self._idle.pop()
        server = await asyncio.open_unix_connection(self._socket)
        server[1].write(self._startup)
        while (await _message(server[0]))[:1] != b"Z":
            pass
        return server


async def _startup(reader: asyncio.StreamReader) -> None:
    size = struct.unpack("!I", await reader.readexactly(4))[0]
    await reader.readexactly(size - 4)


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


async def _answer(server: Streams, client: asyncio.StreamWriter) -> bytes:
    """Hand on until the server is ready; the state of its transaction."""
    while True:
        message = await _message(server[0])
        client.write(message)
        if message[:1] == b"Z":
            return message[5:]


def _parameter(name: str, value: str) -> bytes:
    body = f"{name}\0{value}\0".encode()
    return b"S" + struct.pack("!I", len(body) + 4) + body
