"""Holds what was played over real servers against what the simulator says of the same scenario."""

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from engine.simulation import Simulation
from engine.turns.runtime import Entry
from tests.e2e.stage import Played
from tests.walking import comparable


def difference(played: Sequence[Played], simulated: Simulation, last: datetime) -> Any:
    """The first one, of trace lines or ends until `last`; None when the same runs went the same way.

    Of playbooks that start at one instant, either may be first.
    """
    found = [(one.playbook, lines(one.trace, last), ended(one.ending, one.ended_at, last)) for one in played]
    expected = [
        (one.compiled.playbook, lines(one.trace, last), ended(one.ending, one.ended_at, last)) for one in simulated.runs
    ]
    for one, other in zip_longest(_in_order(found), _in_order(expected)):
        if one == other:
            continue
        if one is None or other is None:
            return one, other
        pairs = zip_longest(one[1], other[1])
        return one[0], next(((line, should) for line, should in pairs if line != should), (one[2], other[2]))
    return None


def _in_order(runs: Any) -> Any:
    """By playbook and first line; those that wrote none until the scenario's end come last."""
    return sorted(runs, key=lambda one: (one[0], not one[1], one[1][0][0] if one[1] else None))


def lines(trace: Any, last: datetime) -> list[Any]:
    """What happened until the scenario's end; others go on for longer on the same clock."""
    until: list[Entry] = [line for line in trace if line.at <= last]
    return comparable(until)


def ended(ending: Any, at: datetime | None, last: datetime) -> Any:
    if ending is None or at is None or at > last:
        return None
    words = ending if isinstance(ending, tuple) else (ending.outcome, ending.reason)
    return (*words, at)
