"""Where runs stand and wait. One that waits for a date of its account tells that date, as the facts have it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from engine.calendars import local_midnight
from engine.expressions.tree import Compare, Node, Today
from engine.turns.paths import WAIT
from engine.values import Condition
from store import clock
from store.current.sight import Sight, View
from store.deployed import load_workspace
from store.expressions.sql import part_to_sql
from store.postgres.statements import Given, Row, Statement
from store.schema.base import ID


@dataclass(frozen=True, kw_only=True)
class Stand:
    """One place where a run waits."""

    path: str
    step: str = ""
    says: str = ""
    until: datetime | None = None
    at_most: bool = False
    """It may be over sooner: what is waited for comes, or a date is reached."""
    because: str = ""
    """Of a mail on its way: what it waits for, such as a cap and who was before it. Only in a run by itself."""


def stands_of(at_step: list[Any]) -> tuple[Stand, ...]:
    return tuple(_stand(at) for at in at_step)


def _stand(at: str | dict[str, Any]) -> Stand:
    if isinstance(at, str):
        return Stand(path=at)
    until = at.get("until")
    return Stand(
        path=at.get("path", ""),
        step=at.get("step") or "",
        says=at.get("says") or "",
        until=datetime.fromisoformat(until) if until else None,
        at_most=at.get("at_most", False),
    )


def dated(conn: sa.Connection, standing: Mapping[int, Sequence[Stand]]) -> dict[int, tuple[Stand, ...]]:
    """Where runs stand, by run; a place that waits for a date that is known tells that date, and no limit."""
    waiting = [run_id for run_id, stands in standing.items() if any(stand.at_most for stand in stands)]
    moments = _moments(conn, waiting) if waiting else {}
    return {
        run_id: tuple(_dated(stand, moments.get(run_id, {})) for stand in stands) for run_id, stands in standing.items()
    }


def _dated(stand: Stand, moments: Mapping[str, datetime]) -> Stand:
    moment = moments.get(stand.path)
    if moment is None or not stand.at_most or (stand.until is not None and moment >= stand.until):
        return stand
    return replace(stand, until=moment, at_most=False)


def _moments(conn: sa.Connection, run_ids: Sequence[int]) -> dict[int, dict[str, datetime]]:
    """By run and by the path where it stands: when the awaited date begins at the account."""
    watched = _WATCHED.read(conn, {"runs": run_ids})
    if not watched:
        return {}
    asked = {row.means: date_ for row in watched if (date_ := _awaited(row.condition)) is not None}
    sight = Sight(conn, load_workspace(conn), clock.now(conn))
    accounts = sorted({row.account_id for row in watched if row.means in asked})
    means = tuple(sorted(asked))

    def make(view: View) -> sa.Select[Any]:
        dates = [part_to_sql(asked[one], view.seen).label(f"date_{i}") for i, one in enumerate(means)]
        mine = view.account_id == sa.func.any(Given("accounts", sa.ARRAY(ID)))
        columns: list[Any] = [view.account_id, view.zone.label("zone"), view.country.label("country"), *dates]
        return sa.select(*columns).where(mine)

    rows = {row.account_id: row for row in sight.read(("awaited dates", means), make, accounts=accounts)}
    found: dict[int, dict[str, datetime]] = {}
    for row in watched:
        current = rows.get(row.account_id)
        if current is not None and row.means in asked:
            value: date | None = getattr(current, f"date_{means.index(row.means)}")
            if value is not None:
                zone = sight.place(current.zone, current.country).zone
                found.setdefault(row.run_id, {})[_path(row)] = local_midnight(value, zone)
    return found


def _awaited(condition: Mapping[str, Any]) -> Node | None:
    """What comes, where the condition is that today is a date or later."""
    tree = Condition.model_validate(condition).expression.tree
    if isinstance(tree, Compare) and tree.sign == ">=" and isinstance(tree.left, Today):
        return tree.right
    return None


def _path(row: Row) -> str:
    # A round of a repeat is told in the key, and not in the path.
    return f"{row.key.partition('#')[0]}{WAIT}"


_WATCHED = Statement("""
    select run_id, account_id, key, means, condition from watch
    where run_id = any(cast(%(runs)s as bigint[])) and met_at is null and event is null and means is not null
        and key <> 'goal' and not starts_with(key, 'exit/') and condition ->> 'text' like 'today >= %%'
""")
