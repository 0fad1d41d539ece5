"""SIGTERM and Ctrl-C while a command prepares what it will do: all is put away, one line says so, and the exit code."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer

from app.running import say

_AGAIN_SECONDS = 0.2


class _Stopped(BaseException):
    """As KeyboardInterrupt, of which no handler of errors knows."""


@contextmanager
def stopped_in_a_line(says: str) -> Iterator[None]:
    """For the main thread. What the block has begun it puts away itself, as for any exception; exit code 143 or 130."""
    asked: int | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = asked or number
        # Where it is raised in a finalizer or a hook of a fork, Python drops it: then it is raised again.
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
        if not _is_under_way() and not _is_logging(frame):
            raise _Stopped

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    try:
        with suppress(_Stopped):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for one, handler in before.items():
            signal.signal(one, handler)
    # Also where it was dropped, and the block was done before it came again.
    if asked is not None:
        say(f"tenure: {says}")
        raise typer.Exit(128 + asked)


def _is_logging(frame: FrameType | None) -> bool:
    """Whether what is interrupted may hold a lock of logging's, as its hooks of every fork do: it would never be let go
    of, and whoever writes a line next would wait for it for ever."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "logging":
            return True
        frame = frame.f_back
    return False


def _is_under_way() -> bool:
    """Whether what was begun is being put away already, which is not to be interrupted."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, _Stopped):
            return True
        error = error.__context__
    return False
