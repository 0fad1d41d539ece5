"""Remembers how far a source was read, and takes its rows in; both by one transaction, so that killed it goes on."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.imports import Reader, Table
from engine.problems import Problem
from engine.workspace import Pull, Workspace
from store import clock, intake
from store.intake.blocks import BlockIntake, FileCount
from store.schema import pull as pulls


class Overtaken(Exception):
    """Another pull of the same source is under way."""


def cursor_of(conn: sa.Connection, pull: Pull) -> Any:
    """The cursor of the last row that was taken in; None: none was, or of another table, query or cursor than now."""
    conn.execute(insert(pulls).values(name=pull.name).on_conflict_do_nothing())
    mine = pulls.c.name == pull.name
    kept = conn.execute(sa.select(pulls.c.cursor).where(mine)).scalar()
    if kept is not None and kept.get("of") != _of(pull):
        conn.execute(sa.update(pulls).where(mine).values(cursor=sa.null()))
        return None
    return _from_json(kept)


def take_rows(
    conn: sa.Connection, workspace: Workspace, pull: Pull, table: Table, *, cursor: tuple[Any, Any]
) -> tuple[FileCount, list[Problem]]:
    """Take rows in, in the caller's transaction; `cursor`: as it was, and as it is with them."""
    was, becomes = (_to_json(pull, one) for one in cursor)
    same = pulls.c.cursor.is_(None) if was is None else pulls.c.cursor == sa.cast(was, pulls.c.cursor.type)
    moved = sa.update(pulls).where(pulls.c.name == pull.name, same).values(cursor=becomes)
    if conn.execute(moved).rowcount == 0:
        raise Overtaken(f"another pull of {pull.name} is under way")
    taking = BlockIntake(conn, workspace)
    count = FileCount()
    for block in Reader(workspace, {pull.name: table}, intake.account_zones(conn), [pull.mapping]).blocks():
        count = taking.take(block)
    return count, taking.problems


def finished(conn: sa.Connection, name: str, failure: str | None = None) -> None:
    """Note how a pull ended."""
    values: dict[str, object] = {"failure": failure}
    if failure is None:
        values["pulled_at"] = clock.now(conn)
    conn.execute(sa.update(pulls).where(pulls.c.name == name).values(values))


def _of(pull: Pull) -> str:
    """What a cursor is one of; in another table or column it would say nothing."""
    return f"{pull.cursor} of {pull.table or pull.query}"


def _to_json(pull: Pull, cursor: Any) -> Mapping[str, Any] | None:
    if cursor is None:
        return None
    if isinstance(cursor, date):
        return {"of": _of(pull), "kind": type(cursor).__name__, "value": cursor.isoformat()}
    value = cursor if isinstance(cursor, str | int | float) else str(cursor)
    return {"of": _of(pull), "kind": "plain", "value": value}


def _from_json(data: Mapping[str, Any] | None) -> Any:
    if data is None:
        return None
    read = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}.get(data["kind"])
    return read(data["value"]) if read else data["value"]
