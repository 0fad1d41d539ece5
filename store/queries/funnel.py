"""What became of runs at each step: how many wait there, were done with it, skipped it, or failed."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

MOST_RUNS = 2000
"""A funnel is of so many runs at most, the latest ones."""


@dataclass(frozen=True, kw_only=True)
class AtStep:
    """Runs by what they are at a step: each counts once, as the first that fits of failed, waiting, skipped, done."""

    failed: int = 0
    waiting: int = 0
    skipped: int = 0
    done: int = 0


@dataclass(frozen=True, kw_only=True)
class Funnel:
    runs: int
    """The runs looked at."""
    steps: Mapping[str, AtStep]
    """By the step's path; a step that no run came to is missing."""


def funnel(conn: sa.Connection, playbook: str, version: int) -> Funnel:
    """Of the latest runs that walk, or walked, this version."""
    which = {"playbook": playbook, "version": version, "most": MOST_RUNS}
    rows = conn.execute(_FUNNEL, which).all()
    runs = conn.execute(_RUNS, which).scalar_one()
    steps = {
        row.path: AtStep(failed=row.failed, waiting=row.waiting, skipped=row.skipped, done=row.done) for row in rows
    }
    return Funnel(runs=runs, steps=steps)


_MINE = """
    select id, state, at_step from run where playbook = :playbook and version = :version order by id desc limit :most
"""
_RUNS = sa.text(f"select count(*) from ({_MINE}) as mine")  # noqa: S608 - a constant
# A path goes on behind a stroke where a step has parts: `steps[3]/until` is the wait of step 3.
_FUNNEL = sa.text(f"""
    with mine as materialized ({_MINE}), stands as (
        select mine.id as run_id, split_part(coalesce(stand ->> 'path', stand #>> '{{}}'), '/', 1) as path,
            bool_or(coalesce(stand ->> 'says', '') like 'failed:%') as failed
        from mine, jsonb_array_elements(at_step) as stand where mine.state = 'open' group by 1, 2
    ), traced as (
        select run_id, split_part(path, '/', 1) as path,
            bool_or(coalesce(detail ->> 'outcome', '') in ('skipped', 'refused')) as skipped
        from trace where run_id in (select id from mine) group by 1, 2
    ), stood as (
        select coalesce(stands.path, traced.path) as path, coalesce(stands.failed, false) as failed,
            stands.path is not null as waiting, coalesce(traced.skipped, false) as skipped
        from stands full join traced using (run_id, path)
    )
    select path, count(*) filter (where failed) as failed, count(*) filter (where waiting and not failed) as waiting,
        count(*) filter (where skipped and not waiting) as skipped,
        count(*) filter (where not skipped and not waiting) as done
    from stood where path <> '' group by path order by path
""")  # noqa: S608 - the same
