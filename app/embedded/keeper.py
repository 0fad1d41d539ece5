"""The keeper: one process per home that runs the servers for as long as some process is connected to it.

Users connect to its Unix socket and stay connected; the kernel closes the connection of a user however that user ends,
so the keeper always knows whether it is still needed. One line of JSON asks, one line answers:
{"want": "postgres"} → {"address": {…}} or {"away": {…}};  {"want": "pids"} → {"pids": {…}}.
"""

import argparse
import fcntl
import json
import logging
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.embedded.child import Child, Server
from app.embedded.places import Places
from app.embedded.postgres import Postgres
from app.embedded.temporal import Temporal
from app.errors import ServerAway

_log = logging.getLogger("keeper")

# Commands that follow one another closely find the servers still running.
_LINGER_SECONDS = 2.0
# Whoever started the keeper needs a moment to connect.
_FIRST_USER_SECONDS = 10.0
_LOCK_LIMIT_SECONDS = 30.0


def main() -> int:
    """Become the keeper of a home in the background; returns at once when another process already is."""
    parser = argparse.ArgumentParser(prog="app.embedded.keeper")
    parser.add_argument("home", type=Path)
    parser.add_argument(
        "--not-durable", action="store_true", help="for tests and the demo: data may be lost with the machine"
    )
    arguments = parser.parse_args()
    places = Places(arguments.home)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    lock = _lock(places)
    if lock is None:
        return 0
    try:
        places.make_sockets()
        listener = _listen(places.keeper_socket)
    except ServerAway as away:
        sys.exit(str(away))
    # Whoever started us waits until here, so that it can connect or learn why not. A lone process without threads
    # may fork; the lock and the socket go with it.
    if os.fork() > 0:
        return 0
    with lock:
        Keeper(places, listener, durable=not arguments.not_durable).run()
    return 0


@dataclass(eq=False)
class _User:
    """A connected process, and what it waits for."""

    connection: socket.socket
    received: bytes = b""
    waits_for: list[str] = field(default_factory=list)


class Keeper:
    """The loop: answer users, tick the servers, go when nobody is left."""

    def __init__(self, places: Places, listener: socket.socket, *, durable: bool) -> None:
        self._places = places
        self._listener = listener
        self._durable = durable
        self._children: dict[str, Child] = {}
        self._users: list[_User] = []
        self._alone_until = time.monotonic() + _FIRST_USER_SECONDS
        self._told_to_stop = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        _log.info("keeper started (pid %d)", os.getpid())
        awake = self._wake_on_signals()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        try:
            while not self._told_to_stop and (self._users or time.monotonic() < self._alone_until):
                for key, _ in self._selector.select(self._pause()):
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj is awake:
                        awake.recv(4096)
                    else:
                        self._hear(key.data)
                for child in self._children.values():
                    child.tick()
                self._answer_waiting()
        finally:
            self._stop()

    def _wake_on_signals(self) -> socket.socket:
        """Let signals end the wait of the loop: a child's death is seen at once, and without polling."""
        awake, waker = socket.socketpair()
        for end in (awake, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.detach())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        self._selector.register(awake, selectors.EVENT_READ, None)
        return awake

    def _told(self, *_: object) -> None:
        self._told_to_stop = True

    def _pause(self) -> float | None:
        pauses = [pause for child in self._children.values() if (pause := child.next_tick_in()) is not None]
        if not self._users:
            pauses.append(max(0.0, self._alone_until - time.monotonic()))
        return min(pauses, default=None)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        # A user that asks and does not read must not hold up the others: answers are far smaller than the buffer.
        connection.setblocking(False)
        user = _User(connection)
        self._users.append(user)
        self._selector.register(connection, selectors.EVENT_READ, user)

    def _hear(self, user: _User) -> None:
        try:
            received = user.connection.recv(4096)
        except OSError:
            received = b""
        if not received:
            self._forget(user)
            return
        *lines, user.received = (user.received + received).split(b"\n")
        for line in lines:
            self._asked(user, json.loads(line)["want"])

    def _asked(self, user: _User, want: str) -> None:
        if want == "pids":
            pids = {name: child.pid for name, child in self._children.items() if child.pid is not None}
            self._say(user, {"pids": {"keeper": os.getpid(), **pids}})
            return
        if want == "leave":
            alone = self._users == [user]
            self._say(user, {"leave": {"alone": alone}})
            self._forget(user)
            if alone:
                self._alone_until = time.monotonic()
            return
        try:
            if want not in self._children:
                self._children[want] = self._new_child(want)
            user.waits_for.append(want)
        except ServerAway as away:
            self._say(user, _as_answer(away))
        except OSError as error:
            where = error.filename or str(self._places.home)
            self._say(user, _as_answer(ServerAway(want, where, f"Preparing it failed: {error.strerror}.")))

    def _new_child(self, name: str) -> Child:
        made: type[Postgres | Temporal] = Postgres if name == "postgres" else Temporal
        server: Server = made(self._places, durable=self._durable)
        child = Child(server, self._places.log(name))
        child.prepare()
        return child

    def _answer_waiting(self) -> None:
        for user in list(self._users):
            for want in list(user.waits_for):
                child = self._children.get(want)
                problem = child.problem if child else None
                if child and child.ready:
                    self._say(user, {"address": child.server.address()})
                elif problem:
                    self._say(user, _as_answer(problem))
                else:
                    continue
                user.waits_for.remove(want)
        # One that never served anybody has promised no address: the next request prepares it afresh.
        hopeless = [name for name, child in self._children.items() if child.problem and not child.served]
        for name in hopeless:
            del self._children[name]

    def _say(self, user: _User, answer: dict[str, object]) -> None:
        try:
            user.connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            self._forget(user)

    def _forget(self, user: _User) -> None:
        if user not in self._users:
            return
        self._users.remove(user)
        self._selector.unregister(user.connection)
        user.connection.close()
        self._alone_until = time.monotonic() + _LINGER_SECONDS

    def _stop(self) -> None:
        # First unreachable, then gone: whoever comes now starts a new keeper, which waits for our lock.
        self._places.keeper_socket.unlink(missing_ok=True)
        self._listener.close()
        for child in self._children.values():
            child.ask_to_stop()
        for child in self._children.values():
            child.wait_until_stopped()
        self._places.remove_sockets()
        _log.info("keeper ended")


def _as_answer(away: ServerAway) -> dict[str, object]:
    return {"away": {"what": away.what, "where": away.where, "hint": away.hint}}


def _lock(places: Places) -> IO[str] | None:
    """Become the only keeper; None when another one serves. One that is just stopping is waited for."""
    lock = places.keeper_lock.open("a")
    deadline = time.monotonic() + _LOCK_LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _serves(places.keeper_socket):
                return None
            time.sleep(0.05)
        else:
            return lock
    sys.exit(f"the keeper before this one holds {places.keeper_lock} and does not end")


def _serves(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(64)
    return listener


if __name__ == "__main__":
    sys.exit(main())
