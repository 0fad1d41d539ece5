"""What every benchmark works with: figures beside their ceilings, medians, and the time of whole processes."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured value beside the ceiling measured in the same run. `holds` is None where there is only a ceiling."""

    name: str
    value: float | None
    """None: the bench failed."""
    unit: str
    ceiling: float | None = None
    target: str = ""
    holds: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value in parts of its ceiling."""
        return self.value / self.ceiling if self.ceiling and self.value is not None else None

    def at(self, size: int, meant: int) -> "Figure":
        """A figure of one size, whose target was set for another: it stands beside its target, and is not judged."""
        return self if size == meant else replace(self, holds=None)


Bench = Callable[[], Iterable[Figure]]


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock on the wall, and of processor time."""

    wall: float
    cpu: float


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank: a value that was measured."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def best(rounds: int, work: Callable[[], float]) -> float:
    """The least of a few: what else runs on the machine can only add to it."""
    return min(work() for _ in range(rounds))


def words(size: int) -> str:
    """As figures are named: 10k, 1m."""
    return f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1000}k"


def growth(name: str, unit: str, small: tuple[int, float], large: tuple[int, float]) -> Figure:
    """What the larger of two sizes takes, beside the smaller one's times as many: above 1 it grows faster than the
    size. Sizes are given with what they take."""
    factor = large[0] / small[0]
    ceiling = factor * small[1]
    return Figure(
        name=f"growth_{name}",
        value=large[1],
        unit=unit,
        ceiling=ceiling,
        target=f"ratio <= {_LINEAR}",
        holds=large[1] <= _LINEAR * ceiling,
        note=f"{words(large[0])}, beside {factor:g} times {words(small[0])}",
    )


SHARES = {"0.1pc": 1000, "1pc": 100, "10pc": 10}
"""Of accounts that change: one in so many."""
_LINEAR = 1.15
"""Linear, and a little for the noise."""


def interleaved(rounds: int, *candidates: Callable[[], Spent]) -> list[Spent]:
    """Medians of several candidates measured in turns, so that a noisy minute falls on all of them."""
    spent: list[list[Spent]] = [[] for _ in candidates]
    for _ in range(rounds):
        for mine, candidate in zip(spent, candidates, strict=True):
            mine.append(candidate())
    return [Spent(median(one.wall for one in mine), median(one.cpu for one in mine)) for mine in spent]


def timed(work: Callable[[], object]) -> Spent:
    """What a piece of work in this process takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def process(*arguments: str) -> Spent:
    """What a Python process takes from its start to its end, in the checkout, with compiled files at hand."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {child.returncode}")
    return Spent(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)


def environment() -> dict[str, str]:
    """As installed: Python may keep compiled files (in a folder that goes with this run), whatever this shell says."""
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return mine | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": _compiled()}


@cache
def _compiled() -> str:
    folder = tempfile.TemporaryDirectory(prefix="tenure-bench-compiled-")
    _kept.append(folder)
    return folder.name


_kept: list[tempfile.TemporaryDirectory[str]] = []
