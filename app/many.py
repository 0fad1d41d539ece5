"""Looks at many playbooks with several processes; the answers are those of one process, in the same order."""

import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from engine.project import Brief, Share, read_briefly

_CHUNK = 50
"""Playbooks that are handed out together."""
_FEW = 1_500
"""Up to so many, another process would not have begun before this one is done."""
_MOST_PROCESSES = 8


def sharing(files: Mapping[str, bytes], root: str, *, today: date | None) -> Share:
    """For `engine.project.problems_of` over these files."""

    def here(folders: Sequence[str]) -> tuple[Brief, ...]:
        return read_briefly(files, root, folders, today=today)

    def share(folders: Sequence[str]) -> Iterator[Brief]:
        helpers = min(_processors() - 1, len(folders) // _FEW, _MOST_PROCESSES - 1)
        if helpers < 1:
            yield from here(folders)
            return
        yield from _with_helpers(helpers, files, root, today, folders)

    return share


def _with_helpers(
    helpers: int, files: Mapping[str, bytes], root: str, today: date | None, folders: Sequence[str]
) -> Iterator[Brief]:
    """Helpers take from the front; this process works from the back, so that little is waited for at the end."""
    from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
    from multiprocessing import get_context

    chunks = deque(enumerate(folders[n : n + _CHUNK] for n in range(0, len(folders), _CHUNK)))
    done: dict[int, tuple[Brief, ...]] = {}
    given: dict[int, tuple[Future[tuple[Brief, ...]], Sequence[str]]] = {}
    # `spawn` behaves alike on all systems, and knows nothing of what this process has open.
    pool = ProcessPoolExecutor(helpers, get_context("spawn"), initializer=_begin, initargs=(files, root, today))
    try:
        while chunks or given:
            for n, (future, chunk) in list(given.items()):
                if future.done() or not chunks:
                    del given[n]
                    try:
                        done[n] = future.result()
                    except BrokenExecutor:  # a helper was killed, or could not begin
                        helpers = 0
                        done[n] = read_briefly(files, root, chunk, today=today)
            while chunks and len(given) < 2 * helpers:
                n, chunk = chunks.popleft()
                try:
                    given[n] = pool.submit(_read, chunk), chunk
                except BrokenExecutor:
                    helpers = 0
                    chunks.appendleft((n, chunk))
            if chunks:
                n, chunk = chunks.pop()
                done[n] = read_briefly(files, root, chunk, today=today)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    for n in sorted(done):
        yield from done[n]


def _processors() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- in a helper ----------------------------------------------------------------------------------------------------

_given: tuple[Mapping[str, bytes], str, date | None] | None = None


def _begin(files: Mapping[str, bytes], root: str, today: date | None) -> None:
    """Ctrl-C is the first process's business, which then needs no helper any more."""
    global _given  # noqa: PLW0603 - a helper begins once, with what it works on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _given = (files, root, today)


def _read(folders: Sequence[str]) -> tuple[Brief, ...]:
    assert _given is not None
    files, root, today = _given
    return read_briefly(files, root, folders, today=today)
