"""Makes the next item while the last one is worked on: reading files and waiting for PostgreSQL overlap."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items in the same order; one of them is made in another thread, and no more."""
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="tenure-ahead") as pool:
        coming = pool.submit(next, source, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield item
