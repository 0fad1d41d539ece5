"""Waiting for what others do: by asking again and again, never by sleeping so long."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")

PATIENCE = 60.0
"""Seconds, longer than any machine stands still: it only costs where something is wrong."""


def until(so: Callable[[], _T], seconds: float = PATIENCE) -> _T:
    """The first answer that is true. AssertionError after so long."""
    deadline = time.monotonic() + seconds
    while not (answer := so()):
        assert time.monotonic() < deadline, f"it did not come to pass within {seconds:.0f} s"
        time.sleep(0.01)
    return answer


async def until_answered(so: Callable[[], Awaitable[_T]], seconds: float = PATIENCE) -> _T:
    """The same where each answer is awaited."""
    deadline = time.monotonic() + seconds
    while not (answer := await so()):
        assert time.monotonic() < deadline, f"it did not come to pass within {seconds:.0f} s"
        await asyncio.sleep(0.01)
    return answer
