"""How many journeys of three mails a house carries in a second, beside the same journey written by hand."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.house import House, house
from benchmarks.journeys import MAILS_BY_HAND, THREE_MAILS
from benchmarks.measure import Figure, median

_ROUNDS = 7
_RUNS = 20
_LEAST = 0.95


@dataclass(frozen=True)
class _Round:
    rate: float
    cpu: float
    """Of this process: worker, outbox, mail stream and sweeps."""
    servers: float


def figures() -> Iterator[Figure]:
    ours, by_hand = asyncio.run(_race())
    ratios = [mine.rate / theirs.rate for mine, theirs in zip(ours, by_hand, strict=True)]
    # Neighbours in time are compared, so that a noisy minute falls on both.
    ratio = median(ratios)
    value = median(one.rate for one in ours)
    yield Figure(
        name="journey_throughput",
        value=value,
        unit="runs/s",
        ceiling=value / ratio,
        target=f"ratio >= {_LEAST}",
        holds=ratio >= _LEAST,
        note=f"pairs {min(ratios):.2f} to {max(ratios):.2f}",
    )
    yield _cpu("journey_cpu", [one.cpu for one in ours], [one.cpu for one in by_hand])
    yield _cpu("journey_servers_cpu", [one.servers for one in ours], [one.servers for one in by_hand])


def _cpu(name: str, ours: list[float], by_hand: list[float]) -> Figure:
    value, ceiling = (1000 * median(spent) / _RUNS for spent in (ours, by_hand))
    return Figure(name=name, value=value, unit="ms CPU/run", ceiling=ceiling)


async def _race() -> tuple[list[_Round], list[_Round]]:
    ours: list[_Round] = []
    by_hand: list[_Round] = []
    async with house(_RUNS) as here:
        for playbook in (THREE_MAILS, MAILS_BY_HAND):
            await _round(here, playbook)
        for n in range(_ROUNDS):
            # Who goes first is the second to be slowed down by what is left over.
            turns = [(THREE_MAILS, ours), (MAILS_BY_HAND, by_hand)]
            for playbook, rounds in turns if n % 2 == 0 else reversed(turns):
                rounds.append(await _round(here, playbook))
    return ours, by_hand


async def _round(here: House, playbook: str) -> _Round:
    servers, cpu, began = here.servers_cpu(), time.process_time(), time.perf_counter()
    runs = await asyncio.to_thread(here.start, playbook, range(_RUNS))
    await here.ended(runs)
    rate = _RUNS / (time.perf_counter() - began)
    await asyncio.sleep(0.3)
    return _Round(rate, time.process_time() - cpu, here.servers_cpu() - servers)
