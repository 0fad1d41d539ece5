"""What a sweep knows before it looks at any account: read in one statement, the documents kept by their hashes.

Most sweeps find that nothing has changed or come due; for them this is most of the work.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.plan import Plan
from engine.workspace import Workspace
from store import clock
from store.current.in_work import Scope
from store.current.sight import Ground
from store.deployed import Deployed, NothingDeployed, deployed_from, plan_of, workspace_of
from store.postgres.distinct_values import distinct_values
from store.postgres.kept import Kept
from store.postgres.statements import Statement


@dataclass(frozen=True, kw_only=True)
class LastSweep:
    """One that was begun before."""

    id: int
    at: datetime
    scope: Scope
    finished: bool
    counts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Briefing:
    """As everything stands at one moment."""

    now: datetime
    """By the one clock."""
    virtual: bool
    database_at: datetime
    """What PostgreSQL's own clock shows."""
    copied: datetime | None
    known_until: datetime | None
    """Of a heartbeat: see `store.leaps.check_is_no_copy`."""
    workspace: Workspace
    playbooks: tuple[Deployed, ...]
    """All, by name."""
    plans: tuple[Plan, ...]
    """Those that open runs walk."""
    sweeps: Sequence[LastSweep]
    """The last one, and the one before."""
    ground: Ground


def brief(conn: sa.Connection) -> Briefing:
    """NothingDeployed where there is no workspace yet."""
    row = _BRIEF.read_one(conn, {})
    if row is None or row.workspace is None:
        raise NothingDeployed("no workspace is deployed; run: tenure deploy")
    return Briefing(
        now=clock.reading(row.instant),
        virtual=row.instant is not None,
        database_at=row.database_at,
        copied=row.copied,
        known_until=row.known_until,
        workspace=workspace_of(conn, row.workspace),
        playbooks=_playbooks.get(row.playbooks, lambda: deployed_from(conn, json.loads(row.playbooks or "[]"))),
        plans=tuple(plan_of(conn, hash_) for hash_ in row.walked),
        sweeps=tuple(LastSweep(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in row.sweeps),
        ground=Ground(
            columns=tuple(zip(row.names, row.types, strict=True)),
            zones=tuple(row.zones),
            feeds={(type_, stale_after): alive for type_, stale_after, alive in row.feeds},
        ),
    )


_playbooks: Kept[tuple[Deployed, ...]] = Kept(16)

# Of all zones that have rows, and of all versions that may have open runs, only the first of their rows is looked at.
_BRIEF = Statement(f"""
    with zones as (
        {distinct_values("zone_offset", "zone")}
    ), columns as (
        select array_agg(attname::text order by attnum) as names,
            array_agg(format_type(atttypid, null) order by attnum) as types
        from pg_attribute where attrelid = 'account_now'::regclass and attnum > 0 and not attisdropped
    ), live as (
        select playbook, json_agg(json_build_array(id, bit, since) order by id) as triggers
        from trigger where live group by playbook
    ), last_sweeps as (
        select id, at, scope, finished, counts from sweep order by id desc limit 2
    )
    select
        (select hash from workspace) as workspace,
        (select instant from clock) as instant,
        clock_timestamp() as database_at,
        (select at from beat) as copied, (select known_until from beat) as known_until,
        (select json_agg(json_build_array(p.id, p.state, p.version, v.hash, live.triggers) order by p.id)::text
            from playbook p join playbook_version v on v.playbook = p.id and v.version = p.version
            left join live on live.playbook = p.id) as playbooks,
        array(select v.hash from playbook_version v
            where exists (select from run where run.playbook = v.playbook and run.version = v.version
                and run.state = 'open')
            order by v.playbook, v.version) as walked,
        (select coalesce(json_agg(one order by one.id desc), '[]') from last_sweeps one) as sweeps,
        array(select zone from zones) as zones,
        (select coalesce(json_agg(json_build_array(type, stale_after, alive)), '[]') from feed) as feeds,
        columns.names, columns.types
    from columns
""")  # noqa: S608 - joined from constants
