"""Keeps within a provider's rate: permissions that come back steadily, and none while the provider wants none."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from connectors.errors import RateLimited

_WORTH_WAITING = 1.0
"""Seconds. Who has to wait longer should do something else meanwhile."""


class Pace:
    """So many a second, with a second's worth at once after a pause, for all threads together."""

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._most = max(per_second, 1.0)
        self._clock, self._sleep = clock, sleep
        self._lock = Lock()
        self._left, self._seen = self._most, clock()
        self._shut_until = self._seen

    def take(self) -> None:
        """One permission; waits a moment for it, or raises RateLimited with the time that it takes."""
        with self._lock:
            wait = self._wait()
            if wait > _WORTH_WAITING:
                raise RateLimited(f"the next request may leave in {wait:.0f} seconds", timedelta(seconds=wait))
            # Taken before it is waited for: whoever comes next waits for the one after.
            self._left -= 1
        if wait > 0:
            self._sleep(wait)

    def hold(self, wait: timedelta) -> None:
        """The provider wants nothing for so long."""
        with self._lock:
            self._shut_until = max(self._shut_until, self._clock() + wait.total_seconds())

    def _wait(self) -> float:
        self._refill()
        for_permission = max(0.0, 1 - self._left) / self._per_second
        return max(for_permission, self._shut_until - self._clock())

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._seen) * self._per_second)
        self._seen = now
