"""SIGTERM and Ctrl-C while a command prepares what it will do: all is put away, one line says so, and the exit code."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from app.running import say


class _Terminated(BaseException):
    """As KeyboardInterrupt, of which no handler of errors knows."""


@contextmanager
def stopped_in_a_line(says: str) -> Iterator[None]:
    """For the main thread. What the block has begun it puts away itself, as for any exception; exit code 143 or 130."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (_Terminated, KeyboardInterrupt) as stopped:
        say(f"tenure: {says}")
        raise typer.Exit(128 + (signal.SIGTERM if isinstance(stopped, _Terminated) else signal.SIGINT)) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    # Once: what is put away is not to be interrupted.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated
