"""The processes that stay."""

import subprocess
import sys

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
