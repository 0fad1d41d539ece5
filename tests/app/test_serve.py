"""The processes that stay."""

import os
import subprocess
import sys
from pathlib import Path

from app.supervise import Process
from tests.waiting import PATIENCE, until

_CACHE = """
import app.__main__, weakref
from collections import OrderedDict
from app.commands.serve import look_for_garbage

class Run:
    def __init__(self):
        self.parts = [[self] for _ in range(200)]

look_for_garbage()
kept, alive = OrderedDict(), weakref.WeakSet()
most = 0
for n in range(20_000):
    run = kept[n] = Run()
    alive.add(run)
    if len(kept) > 1000:
        kept.popitem(last=False)
    if n % 100 == 0:
        most = max(most, len(alive))
print(most)
"""


def test_what_a_worker_lets_go_of_does_not_outweigh_what_it_keeps() -> None:
    done = subprocess.run([sys.executable, "-c", _CACHE], capture_output=True, text=True, check=True)
    assert 1000 <= int(done.stdout) < 3000


def test_a_worker_that_is_held_touches_nothing_and_ends_with_whoever_holds_it(tmp_path: Path) -> None:
    worker = _held(tmp_path)
    assert worker.popen is not None
    assert worker.popen.stdin is not None
    worker.popen.stdin.close()
    assert worker.popen.wait(PATIENCE) == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["worker.log"]
    assert worker.log.read_text(encoding="utf-8") == ""


def test_a_worker_that_is_let_go_works(tmp_path: Path) -> None:
    worker = _held(tmp_path)
    worker.let_go()
    until(lambda: "127.0.0.1:9" in worker.log.read_text(encoding="utf-8"))
    worker.wait()


def test_a_worker_that_died_while_it_was_held_is_started_unheld(tmp_path: Path) -> None:
    worker = _held(tmp_path)
    assert worker.popen is not None
    worker.popen.kill()
    worker.popen.wait()
    worker.let_go()

    def works() -> bool:
        worker.tick()
        return "127.0.0.1:9" in worker.log.read_text(encoding="utf-8")

    until(works)
    worker.stop()
    worker.wait()


def _held(home: Path) -> Process:
    """A worker that would not find its servers."""
    environment = os.environ | {
        "TENURE_HOME": str(home / "home"),
        "TENURE_DATABASE_URL": "postgresql://tenure@127.0.0.1:9/tenure",
        "TEMPORAL_ADDRESS": "127.0.0.1:9",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    command = [sys.executable, "-m", "app", "worker"]
    worker = Process(name="worker", command=command, environment=environment, log=home / "worker.log", held=True)
    worker.tick()
    return worker
