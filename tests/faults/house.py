"""A whole Tenure in a home of its own, on the real clock: servers, worker, web and a mail server; all may be killed."""

import collections
import contextlib
import email
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2
import psutil
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from starlette.testclient import TestClient

from app.embedded import Servers
from app.running import Services
from app.supervise import children, stop_all
from engine.facts import AccountFact, ContactFact, IncomingFact
from engine.project import read_project
from store import clock
from store.deciding.enrolment import CannotEnrol, enrol
from store.deciding.sweep import sweep
from store.deploying.deploy import deploy, publications
from store.intake import take_in
from store.schema import account, run
from tests.ports import free_port
from tests.waiting import PATIENCE
from web.app import create_app
from web.deps import WebDeps

WORKSPACE = """
name: Faults
zone: Europe/Berlin
sender: {{ name: Team, address: team@tenure.example }}
postal_address: Example Street 1
roles:
  contacts: {{ champion: [champion, any] }}
  staff: {{ csm: account.csm }}
people:
  - {{ key: kim, name: Kim, email: kim@tenure.example }}
fields:
  account.note: text
metrics:
  use: number
  joy: number
mail: {{ hold: 0 minutes }}
connectors:
  email: {{ provider: smtp, host: 127.0.0.1, port: {port}, security: plain, timeout_seconds: 2 }}
"""
TALK = """
playbook: talk
title: Mails, tasks that people complete, and a condition
owner: ops@tenure.example
audience: account.name is known
triggers: [{ manual: true }]
goal: { when: metric.joy > 900 }
exit: [{ when: account.lifecycle == "churned", reason: churned }]
steps:
  - id: hello
    email: { template: word, to: champion }
  - id: call
    task: { title: Call, assign: csm, outcomes: [reached, no_answer] }
  - if: task.call.outcome == "reached"
    then:
      - id: follow_up
        email: { template: word, to: champion }
  - id: using
    wait_for: { condition: metric.use >= 50, up_to: 10 days }
    then:
      - id: thanks
        email: { template: word, to: champion }
  - end: { reason: all_done }
"""
PAIR = """
playbook: pair
title: Branches side by side
owner: ops@tenure.example
audience: account.name is known
triggers: [{ manual: true }]
steps:
  - parallel:
      - - id: left
          task: { title: Left, assign: csm }
        - id: mark
          set: { account.note: left }
      - - id: note
          email: { template: word, to: champion }
        - id: right
          task: { title: Right, assign: csm }
  - id: bye
    email: { template: word, to: champion }
  - end: { reason: both }
"""
_WORD = "---\nsubject: A word\ncategory: service\n---\n\nHello {{ recipient.first_name }}.\n"
_TOKEN = "the one token of this ring of servers"
_T = TypeVar("_T")


class MailServer:
    """Keeps count of what it has taken by Message-ID; sometimes slow, sometimes mute after taking a mail."""

    def __init__(self, seed: int) -> None:
        self.received: collections.Counter[str] = collections.Counter()
        self._chance = random.Random(seed)
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=PATIENCE)

    @property
    def port(self) -> int:
        return int(self._controller.port)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mood = self._chance.random()
        self.received[email.message_from_bytes(envelope.content)["Message-ID"]] += 1
        if mood < 0.03:
            server.transport.abort()
        elif mood < 0.3:
            # In the server's only thread, so that the next mail waits as well.
            time.sleep(0.05)  # noqa: ASYNC251
        return "250 kept"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class House:
    """Started once, then killed in parts. Every method may be called while parts are away."""

    def __init__(self, home: Path, post: MailServer, *, web: bool) -> None:
        self.home, self.post = home, post
        self.killed: collections.Counter[str] = collections.Counter()
        self.services = Services(home)
        self.servers: Servers = self.services.servers
        self.servers.temporal()
        self.database = self.services.database
        self.worker, self.web, self.address = children(self.services)
        self.children = (self.worker, self.web) if web else (self.worker,)
        # Without a process of its own the web answers in this one: the same routes, for less.
        self.web.environment["TENURE_API_TOKEN"] = _TOKEN
        self.worker.environment["TENURE_PUBLIC_URL"] = "https://pages.tenure.example"
        in_process = WebDeps(engine=self.database, temporal_answers=_alive, api_token=_TOKEN)
        self.http: httpx2.Client = (
            httpx2.Client(base_url=self.address, timeout=PATIENCE) if web else TestClient(create_app(in_process))
        )
        self.http.headers["authorization"] = f"Bearer {_TOKEN}"

    def publish(self, playbooks: Mapping[str, str]) -> None:
        files = {"tenure.yaml": WORKSPACE.format(port=self.post.port).encode()}
        for name, text in playbooks.items():
            files |= {f"{name}/playbook.yaml": text.encode(), f"{name}/emails/word.md": _WORD.encode()}
        project = read_project(files)
        assert not project.problems, project.problems
        assert project.workspace
        with self.database.begin() as conn:
            deploy(conn, project.workspace, publications(project), clock.now(conn))

    def take_in(self, facts: Sequence[IncomingFact]) -> None:
        with self.database.begin() as conn:
            report = take_in(conn, facts, known_at=clock.now(conn))
        assert not report.problems, report.problems

    def accounts(self, count: int) -> list[str]:
        """Accounts with a contact each."""
        keys = [f"acme-{i}" for i in range(count)]
        facts: list[IncomingFact] = []
        for key in keys:
            fields: dict[str, Any] = {"account.name": key, "account.csm": "kim", "account.lifecycle": "live"}
            contact = ContactFact(
                account=key, key="ann", name="Ann Ex", email=f"ann@{key}.test", roles=("champion",), first_name="Ann"
            )
            facts += [AccountFact(key=key, fields=fields), contact]
        self.take_in(facts)
        sweep(self.database, wait=True)
        return keys

    def enrol(self, playbook: str, key: str) -> int:
        """The run's number."""
        with self.database.begin() as conn:
            answer = enrol(conn, playbook, key, "test")
            assert not isinstance(answer, CannotEnrol), answer
            assert answer.ruling.state == "started", answer
            query = sa.select(run.c.id).join(account, account.c.id == run.c.account_id)
            return int(conn.execute(query.where(account.c.key == key, run.c.playbook == playbook)).scalar_one())

    def query(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Read, waiting out PostgreSQL's absence."""
        return persist(lambda: self._query(statement))

    def _query(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self.database.connect() as conn:
            return conn.execute(statement).all()

    def post_facts(self, *facts: Mapping[str, Any]) -> httpx2.Response:
        return self.http.post("/api/v1/facts", json=list(facts))

    # --- death ---

    def kill(self, what: str) -> None:
        """SIGKILL to worker, web, temporal or postgres; whoever looks after it starts it again."""
        if what in ("worker", "web"):
            popen = (self.worker if what == "worker" else self.web).popen
            if popen is None or popen.poll() is not None:
                return
            popen.kill()
        else:
            pid = eventually(f"{what} runs", lambda: self.servers.pids().get(what))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.killed[what] += 1

    def snapshot_temporal(self) -> Path:
        """What a power cut a moment from now would leave."""
        pid = self.servers.pids()["temporal"]
        os.kill(pid, signal.SIGSTOP)
        try:
            return Path(shutil.copytree(self.home / "temporal", self.home / "snapshot", dirs_exist_ok=True))
        finally:
            os.kill(pid, signal.SIGCONT)

    def set_temporal_back(self, snapshot: Path | None) -> None:
        """Temporal comes back as it was then, or empty."""
        pid = self.servers.pids()["temporal"]
        os.kill(pid, signal.SIGSTOP)
        for file in (self.home / "temporal").glob("temporal.db*"):
            file.unlink()
        for file in snapshot.glob("temporal.db*") if snapshot else ():
            shutil.copy(file, self.home / "temporal")
        self.kill("temporal")

    def copy_postgres(self) -> Path:
        """What its files hold at this moment."""
        server = psutil.Process(self.servers.pids()["postgres"])
        family = [server, *server.children(recursive=True)]
        for one in family:
            one.suspend()
        try:
            subprocess.run(["cp", "-a", self.home / "postgres", self.home / "copy"], check=True)
        finally:
            for one in family:
                one.resume()
        return self.home / "copy"

    def set_postgres_back(self, copy: Path) -> None:
        """It comes back as it was then."""
        server, keeper = (psutil.Process(self.servers.pids()[who]) for who in ("postgres", "keeper"))
        family = server.children(recursive=True)
        keeper.suspend()  # until the files are there
        try:
            server.kill()
            psutil.wait_procs(family, timeout=30)
            shutil.rmtree(self.home / "postgres")
            copy.rename(self.home / "postgres")
        finally:
            keeper.resume()

    def close(self) -> None:
        stop_all(*self.children)
        self.http.close()
        keeper = psutil.Process(self.servers.pids()["keeper"])
        self.services.__exit__(None, None, None)
        with contextlib.suppress(psutil.NoSuchProcess):
            keeper.terminate()
            keeper.wait(PATIENCE)


class Looking:
    """Ticks the house's children from one thread, as `tenure up` does: the kernel ends children with that thread."""

    def __init__(self, house: House) -> None:
        self._processes = house.children
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for process in self._processes:
                process.tick()
            self._stop.wait(0.1)
        stop_all(*self._processes)


@contextlib.contextmanager
def standing_house(seed: int = 1, *, web: bool = False) -> Iterator[House]:
    """A house with its servers up; the worker, and the web where it is to be a process, have not been started."""
    with tempfile.TemporaryDirectory(prefix="tenure-faults-") as home, MailServer(seed) as post:
        house = House(Path(home), post, web=web)
        try:
            yield house
        finally:
            house.close()


async def _alive() -> bool:
    return True


def persist(do: Callable[[], _T], patience: float = PATIENCE) -> _T:
    """Try again while a server is away."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return do()
        except (sa.exc.OperationalError, sa.exc.InterfaceError, httpx2.TransportError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def eventually(what: str, is_so: Callable[[], Any], patience: float = 5 * PATIENCE) -> Any:
    """Poll until it is so; whatever truth it gives."""
    deadline = time.monotonic() + patience
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"after {patience:.0f} s still not: {what}"
        time.sleep(0.1)
    return answer
