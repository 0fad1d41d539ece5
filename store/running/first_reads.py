"""What runs ask before all else, read for many at once when their starts are delivered."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.interpreter import first_reads
from store import clock
from store.current.sight import PLACE, Sight
from store.deployed import load_plan, load_workspace
from store.postgres.kept import Kept
from store.postgres.statements import Row


@dataclass(frozen=True, kw_only=True)
class Answer:
    """To the first question of a run."""

    fields: tuple[str, ...]
    """What it asks for."""
    values: Mapping[str, Any]
    """As `store.running.runs.read` gives them."""


def first_answers(conn: sa.Connection, starting: Sequence[Row]) -> Mapping[int, Answer]:
    """By run, of those that read before they act or rest; `starting` has the id, account, plan and first instant of
    each. A run whose question takes more than its account's row is left to ask."""
    runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    accounts = {row.run_id: row.account_id for row in starting}
    for row in starting:
        fields = _fields.get(row.plan_hash, lambda row=row: _asked(conn, row))  # type: ignore[misc]  # called at once
        if fields:
            runs[fields].append(row.run_id)
    if not runs:
        return {}
    sight = Sight(conn, load_workspace(conn), clock.now(conn))
    found: dict[int, Answer] = {}
    for fields, mine in runs.items():
        told = sight.values([accounts[run_id] for run_id in mine], [*fields, *_WHERE])
        for run_id in mine:
            found[run_id] = Answer(fields=fields, values=_values(sight, fields, told.get(accounts[run_id], {})))
    return found


def _asked(conn: sa.Connection, row: Row) -> tuple[str, ...]:
    fields = first_reads(load_plan(conn, row.playbook, row.version, row.plan_hash), row.started_at)
    return () if any("(" in name for name in fields) else fields


def _values(sight: Sight, fields: Sequence[str], told: Mapping[str, Any]) -> Mapping[str, Any]:
    values = {name: told[name] for name in fields if name in told}
    if PLACE not in fields:
        return values
    place = sight.place(told.get("account.zone"), told.get("account.country"))
    return values | {PLACE: place.model_dump(mode="json")}


_WHERE = ("account.zone", "account.country")
_fields: Kept[tuple[str, ...]] = Kept(512)
