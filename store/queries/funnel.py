"""What became of runs at each step: how many wait there, were done with it, skipped it, or failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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

    @property
    def reached(self) -> int:
        return self.failed + self.waiting + self.skipped + self.done


@dataclass(frozen=True, kw_only=True)
class Funnel:
    runs: int
    """The runs looked at."""
    steps: Mapping[str, AtStep]
    """By the step's path; a step that no run came to is missing."""


def funnel(conn: sa.Connection, playbook: str, version: int, paths: Sequence[str]) -> Funnel:
    """Of the latest runs that walk, or walked, this version; `paths`: of its steps, in written order.

    A plain wait leaves no line in the trace: whoever came to the step behind it has done it.
    """
    which = {"playbook": playbook, "version": version, "most": MOST_RUNS}
    rows = conn.execute(_FUNNEL, which).all()
    runs = conn.execute(_RUNS, which).scalar_one()
    steps = {
        row.path: AtStep(failed=row.failed, waiting=row.waiting, skipped=row.skipped, done=row.done) for row in rows
    }
    for path in reversed(paths):
        behind = steps.get(_next(path), AtStep())
        here = steps.get(path, AtStep())
        if not here.done and behind.reached:
            steps[path] = replace(here, done=behind.reached)
    return Funnel(runs=runs, steps=steps)


def _next(path: str) -> str:
    """The step behind in the same sequence."""
    before, _, number = path.rstrip("]").rpartition("[")
    return f"{before}[{int(number) + 1}]"


_MINE = """
    select id, state, at_step from run where playbook = :playbook and version = :version order by id desc limit :most
"""
_RUNS = sa.text(f"select count(*) from ({_MINE}) as mine")  # noqa: S608 - a constant
# A path goes on behind a stroke where a step has parts: `steps[3]/until` is the wait of step 3. Who came to a step came
# to those around it as well.
_FUNNEL = sa.text(f"""
    with mine as materialized ({_MINE}), stands as (
        select mine.id as run_id, split_part(coalesce(stand ->> 'path', stand #>> '{{}}'), '/', 1) as path,
            bool_or(coalesce(stand ->> 'says', '') like 'failed:%') as failed
        from mine, jsonb_array_elements(at_step) as stand where mine.state = 'open' group by 1, 2
    ), traced as (
        select run_id, split_part(path, '/', 1) as path,
            bool_or(coalesce(detail ->> 'outcome', '') in ('skipped', 'refused')) as skipped
        from trace where run_id in (select id from mine) group by 1, 2
    ), seen as (
        select run_id, path, failed, true as waiting, false as skipped from stands
        union all select run_id, path, false, false, skipped from traced
        union all select run_id, array_to_string(parts[1:depth], '.'), false, false, false from (
            select run_id, string_to_array(path, '.') as parts from stands
            union all select run_id, string_to_array(path, '.') from traced
        ) as deep, generate_series(1, cardinality(parts) - 1) as depth
    ), stood as (
        select run_id, path, bool_or(failed) as failed, bool_or(waiting) as waiting, bool_or(skipped) as skipped
        from seen group by run_id, path
    )
    select path, count(*) filter (where failed) as failed, count(*) filter (where waiting and not failed) as waiting,
        count(*) filter (where skipped and not waiting) as skipped,
        count(*) filter (where not skipped and not waiting) as done
    from stood where path <> '' group by path order by path
""")  # noqa: S608 - the same
