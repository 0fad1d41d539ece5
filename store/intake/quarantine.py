"""What was told and could not be used: kept with its reason, to be tried again or dropped by a person."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.facts import IncomingFact, fact_from_json, fact_json
from engine.imports import Block, Reader, Table
from engine.screening import Screen
from engine.values import content_hash
from engine.workspace import Workspace
from store.intake import take_in
from store.postgres.pages import Page, id_after, page_by_id, size
from store.schema import quarantine

State = Literal["held", "released", "dropped"]
ODD = "PB525"
"""The code of what can be read, and is too odd to act upon before a person has looked."""
NOT_HELD = "there is nothing held under this number"
_LONGEST = 4_000


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Something that was not taken in: a row by its cells, or a fact."""

    source: str
    """`import scores`, `pull billing`, `api`."""
    code: str
    reason: str
    part: str = ""
    file: str | None = None
    line: int | None = None
    cells: Mapping[str, Any] | None = None
    typed: bool = False
    fact: IncomingFact | None = None


@dataclass(frozen=True, kw_only=True)
class Held:
    """The same as it is kept."""

    id: int
    source: str
    file: str | None
    line: int | None
    code: str
    part: str
    reason: str
    state: State
    found_at: datetime
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Release:
    """What became of what was tried again: those that stay, with the reason they stay for now."""

    released: tuple[int, ...] = ()
    stays: Mapping[int, str] = field(default_factory=dict)


def put_aside(conn: sa.Connection, some: Sequence[Aside], now: datetime) -> int:
    """Keep them; how many were not kept before, whatever became of those since."""
    rows = [
        {
            "source": one.source,
            "file": one.file,
            "line": one.line,
            "code": one.code,
            "part": one.part,
            "reason": one.reason,
            "cells": None if one.cells is None else {name: _plain(cell) for name, cell in one.cells.items()},
            "typed": one.typed,
            "fact": None if one.fact is None else fact_json(one.fact),
        }
        for one in some
    ]
    if not rows:
        return 0
    told = json.dumps([row | {"hash": _hash(row)} for row in rows], ensure_ascii=False, allow_nan=False)
    return conn.execute(_KEEP, {"rows": told, "now": now}).rowcount


def list_held(
    conn: sa.Connection, *, state: State = "held", source: str | None = None, after: str | None = None, limit: int = 50
) -> Page[Held]:
    """The oldest first."""
    q = quarantine.c
    query = sa.select(quarantine).where(q.state == state).order_by(q.id).limit(size(limit) + 1)
    if source is not None:
        query = query.where(q.source == source)
    if after is not None:
        query = query.where(q.id > id_after(after))
    rows = conn.execute(query).all()
    items = [
        Held(
            **{name: getattr(row, name) for name in Held.__dataclass_fields__ if name != "content"},
            content=row.cells or row.fact or {},
        )
        for row in rows
    ]
    return page_by_id(items, [row.id for row in rows], size(limit))


def count_held(conn: sa.Connection) -> Mapping[str, int]:
    """How much is held, by source."""
    q = quarantine.c
    query = sa.select(q.source, sa.func.count()).where(q.state == "held").group_by(q.source).order_by(q.source)
    return {row[0]: row[1] for row in conn.execute(query)}


def release(conn: sa.Connection, ids: Sequence[int], workspace: Workspace, *, by: str, now: datetime) -> Release:
    """Try them again, one by one, by today's workspace; a fact that was only odd comes in as it was told.

    In whatever order they were put aside: facts about an account wait for one among them that makes it.
    """
    left = _locked(conn, ids)
    released: list[int] = []
    stays: dict[int, _Wrong] = {}
    while left:
        stays = {row.id: why for row in left if (why := _try_again(conn, row, workspace, now)) is not None}
        came = [row.id for row in left if row.id not in stays]
        # What came in may be the account that others, told before it, are about.
        left = [row for row in left if row.id in stays] if came else []
        released += came
    for id_, why in stays.items():
        values = {"part": why.part, "reason": why.reason, **({"code": ODD} if why.odd else {})}
        conn.execute(sa.update(quarantine).where(quarantine.c.id == id_).values(values))
    _settle(conn, released, "released", by, now)
    words = {id_: str(why) for id_, why in stays.items()}
    return Release(released=tuple(released), stays=words | _unknown(ids, released, words))


def drop(conn: sa.Connection, ids: Sequence[int], *, by: str, now: datetime) -> Release:
    """Never take them in; told again, they stay dropped."""
    dropped = [row.id for row in _locked(conn, ids)]
    _settle(conn, dropped, "dropped", by, now)
    return Release(released=tuple(dropped), stays=_unknown(ids, dropped, {}))


def held_ids(conn: sa.Connection, source: str | None = None) -> list[int]:
    """The numbers of all that is held, of one source or of all."""
    query = sa.select(quarantine.c.id).where(quarantine.c.state == "held").order_by(quarantine.c.id)
    return list(conn.execute(query if source is None else query.where(quarantine.c.source == source)).scalars())


@dataclass(frozen=True)
class _Wrong:
    """Why something cannot come in: the column or value it is about, where it is about one, and what is wrong."""

    reason: str
    part: str = ""
    odd: bool = False
    """Too odd to come in unseen: tried once more, it does."""

    def __str__(self) -> str:
        if self.odd:
            return f"{self.reason}; released once more, it comes in as it is"
        return f"{self.part}: {self.reason}" if self.part else self.reason


def _try_again(conn: sa.Connection, row: sa.Row[Any], workspace: Workspace, now: datetime) -> _Wrong | None:
    """Why it still cannot come in."""
    if row.fact is not None:
        facts = [fact_from_json(row.fact)]
    else:
        block = _read_again(row, workspace)
        if isinstance(block, str):
            return _Wrong(block)
        problems = [one.problem for one in block.rejected] + block.problems
        if problems:
            return _Wrong(problems[0].message, problems[0].spot.path)
        facts = [known.fact for known in block.facts] + [line.fact() for line in block.told]
        screen = Screen(workspace.quarantine, now, workspace.catalogue())
        odd = next((why for fact in facts if (why := screen.fault(fact)) is not None), None)
        if odd is not None and row.code != ODD:
            # What was wrong before hid it: nobody has seen it yet.
            return _Wrong(odd, odd=True)
    report = take_in(conn, facts, known_at=now)
    return _Wrong(report.problems[0].message) if report.problems else None


def _read_again(row: sa.Row[Any], workspace: Workspace) -> Block | str:
    name = row.source.partition(" ")[2]
    mapping = next((one for one in workspace.sources() if one.source == row.source), None)
    if mapping is None:
        return f'the deployed workspace has no "{name}" any more'
    if not row.cells:
        return "the row could not be told apart into cells; mend it where it comes from"
    cells = list(row.cells.values())
    table = Table(file=row.file or name, columns=tuple(row.cells), rows=((row.line or 1, cells),), typed=row.typed)
    return next(Reader(workspace, {name: table}, imports=[mapping]).blocks())


def _locked(conn: sa.Connection, ids: Sequence[int]) -> Sequence[sa.Row[Any]]:
    wanted = sa.func.any(sa.cast(list(ids), sa.ARRAY(sa.BigInteger)))
    query = sa.select(quarantine).where(quarantine.c.id == wanted, quarantine.c.state == "held")
    return conn.execute(query.order_by(quarantine.c.id).with_for_update()).all()


def _settle(conn: sa.Connection, ids: Sequence[int], state: State, by: str, now: datetime) -> None:
    wanted = sa.func.any(sa.cast(list(ids), sa.ARRAY(sa.BigInteger)))
    settled = sa.update(quarantine).where(quarantine.c.id == wanted)
    conn.execute(settled.values(state=state, settled_by=by, settled_at=now))


def _unknown(ids: Sequence[int], done: Sequence[int], stays: Mapping[int, str]) -> dict[int, str]:
    return {id_: NOT_HELD for id_ in ids if id_ not in done and id_ not in stays}


def _plain(cell: object) -> Any:
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float) and cell - cell == 0:  # finite
        return cell
    text = cell if isinstance(cell, str) else str(cell)
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")[:_LONGEST]


def _hash(row: Mapping[str, Any]) -> str:
    content = row["fact"] or row["cells"] or [row["file"], row["line"], row["reason"]]
    return content_hash(json.dumps([row["source"], content], sort_keys=True, ensure_ascii=False, allow_nan=False))


_KEEP = sa.text("""
    insert into quarantine (source, file, line, code, part, reason, cells, typed, fact, hash, found_at)
    select source, file, line, code, part, reason, nullif(cells, 'null'), typed, nullif(fact, 'null'), hash, :now
    from json_to_recordset(cast(:rows as json)) as told(
        source text, file text, line int, code text, part text, reason text, cells jsonb, typed boolean, fact jsonb,
        hash text)
    on conflict (hash) do nothing
""")
