"""`tenure up` on the real clock: it serves, runs go on at once, and nothing of it is left when it ends."""

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.command_line import make_shop, tenure
from tests.homes import new_home
from tests.waiting import PATIENCE, until

_ROOT = Path(__file__).resolve().parents[2]
_TOKEN = "the one token of the servers of this test"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder, data = make_shop(tmp_path_factory.mktemp("up"))
    with new_home() as home:
        assert tenure("import", folder, data, home=home).code == 0
        assert tenure("deploy", folder, home=home).code == 0
        assert tenure("sweep", home=home).code == 0
        yield home


@dataclass
class Up:
    """A running `tenure up`."""

    process: psutil.Process
    url: str
    children: list[psutil.Process]


@pytest.fixture(scope="module")
def up(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests that leave it as it is."""
    with _started(home, tmp_path_factory.mktemp("said") / "said") as up:
        yield up


@contextlib.contextmanager
def _started(home: Path, said: Path, *, ready: bool = True) -> Iterator[Up]:
    with said.open("wb") as file:
        command = [sys.executable, "-m", "app", "up", "--home", str(home)]
        environment = os.environ | {"TENURE_API_TOKEN": _TOKEN}
        popen = subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=file, stderr=file)
    process = psutil.Process(popen.pid)
    try:
        until(lambda: len(process.children()) == 2)
        url = _url(said) if ready else (home / "logs/web.address").read_text(encoding="utf-8")
        yield Up(process, url, process.children())
    finally:
        if popen.poll() is None:
            popen.terminate()
        popen.wait(PATIENCE)


def _url(said: Path) -> str:
    """Where the pages are, once they are said to be there; and there they are, then."""
    until(lambda: "Ctrl-C stops everything" in said.read_text(encoding="utf-8"))
    found = re.search(r"Tenure's pages: +(\S+)", said.read_text(encoding="utf-8"))
    assert found
    assert _answers(f"{found[1]}/healthz")
    until(lambda: _answers(f"{found[1]}/readyz"))
    return found[1]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _api(up: Up, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{up.url}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json", "authorization": f"Bearer {_TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def _open_task(up: Up, home: Path, account: str) -> int:
    """Start the playbook by hand, and wait for its task."""
    assert tenure("start", "greet", account, home=home).code == 0
    until(lambda: _api(up, f"/tasks?account={account}")["items"])
    number: int = _api(up, f"/tasks?account={account}")["items"][0]["id"]
    return number


def _is_over(up: Up, account: str) -> bool:
    return bool(_api(up, f"/runs?account={account}")["items"][0]["state"] == "ended")


def _all_gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_a_task_completed_on_the_command_line_lets_its_run_go_on(up: Up, home: Path):
    number = _open_task(up, home, "A-1")
    done = tenure("task", "done", number, home=home)
    assert done.out == f"task {number} is done: done by ada; a worker carries it on\n"
    until(lambda: _is_over(up, "A-1"))


def test_a_task_completed_through_the_api_lets_its_run_go_on(up: Up, home: Path):
    number = _open_task(up, home, "B-1")
    _api(up, f"/tasks/{number}/complete", {"outcome": "done", "by": "ada"})
    until(lambda: _is_over(up, "B-1"))


def test_a_child_that_dies_is_started_again(up: Up):
    web = next(child for child in up.children if child.cmdline()[-1] == "web")
    web.kill()
    until(lambda: any(child.pid != web.pid and child.cmdline()[-1:] == ["web"] for child in up.process.children()))
    until(lambda: _answers(f"{up.url}/readyz"))


def test_a_signal_ends_it_with_all_its_children(home: Path, tmp_path: Path):
    with _started(home, tmp_path / "said", ready=False) as up:
        up.process.terminate()
        until(lambda: _all_gone([up.process, *up.children]))
        assert not _answers(f"{up.url}/readyz")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot ask to die with its parent")
def test_its_children_do_not_outlive_a_parent_that_is_killed(home: Path, tmp_path: Path):
    with _started(home, tmp_path / "said", ready=False) as up:
        up.process.kill()
        until(lambda: _all_gone([up.process, *up.children]))
