"""Waiting for what others do: by asking again and again, never by sleeping so long."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def until(so: Callable[[], _T], seconds: float = 60.0) -> _T:
    """The first answer that is true. AssertionError after so long: it only costs where something is wrong, so it may
    be longer than any machine stands still."""
    deadline = time.monotonic() + seconds
    while not (answer := so()):
        assert time.monotonic() < deadline, f"it did not come to pass within {seconds:.0f} s"
        time.sleep(0.01)
    return answer
