"""How often one API key may call: a bucket of calls that fills again with time, in the memory of this process.

Several web processes each count for themselves: a limit against runaway programs, not a price list.
"""

import threading
import time
from collections.abc import Callable


class CallRate:
    """So many calls a second for each caller, and six seconds' worth at once after a pause."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._most = per_second, per_second * 6
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> float:
        """Take one call; 0, or after how many seconds the next may come."""
        with self._lock:
            now = self._clock()
            left, seen = self._left.get(caller, (self._most, now))
            left = min(self._most, left + (now - seen) * self._per_second)
            taken = left >= 1
            self._left[caller] = (left - 1 if taken else left, now)
        return 0.0 if taken else (1 - left) / self._per_second
