"""A list that grows is read page by page, each starting after the last row of the one before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

Item = TypeVar("Item")
LARGEST_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """Some rows, and where the next ones begin: hand `next` in as `after`. None means that these were the last."""

    items: tuple[Item, ...]
    next: str | None = None


class CursorError(ValueError):
    """The `after` of a page was not made by us."""

    def __init__(self) -> None:
        super().__init__("this is not the `next` of a page; leave it out to start from the beginning")


def size(limit: int) -> int:
    return max(1, min(limit, LARGEST_PAGE))


def newest(
    conn: sa.Connection,
    query: sa.Select[Any],
    number: sa.ColumnElement[int],
    made: Callable[[sa.Row[Any]], Item],
    *,
    after: str | None,
    limit: int,
) -> Page[Item]:
    """What the query finds, the highest number first. `made` makes an item of a row, which has its number as `id`."""
    if after:
        query = query.where(number < id_after(after))
    limit = size(limit)
    rows = conn.execute(query.order_by(number.desc()).limit(limit + 1)).all()
    return page_by_id([made(row) for row in rows], [row.id for row in rows], limit)


def page_by_id(items: Sequence[Item], ids: Sequence[int], limit: int) -> Page[Item]:
    """A page out of rows read with a limit of one more than shown."""
    return Page(items=tuple(items[:limit]), next=str(ids[limit - 1]) if len(items) > limit else None)


def id_after(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise CursorError
    return int(after)


def moment_and_id(moment: datetime | None, row_id: int) -> str:
    return f"{moment.isoformat() if moment else 'never'}_{row_id}"


def moment_and_id_after(after: str) -> tuple[datetime | None, int]:
    moment, _, row_id = after.rpartition("_")
    try:
        parsed = None if moment == "never" else datetime.fromisoformat(moment)
    except ValueError as error:
        raise CursorError from error
    if parsed is not None and parsed.tzinfo is None:
        raise CursorError
    return parsed, id_after(row_id)
