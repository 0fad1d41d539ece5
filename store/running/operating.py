"""What operators do to a run that needs them: try its failed steps again, go on without them, or end it.

Said twice, nothing happens twice: an order that the run has not heard yet is not given again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa

from store.schema import outbox, run
from store.telling import tell

Do = Literal["retry", "skip", "end"]
DOES: tuple[Do, ...] = get_args(Do)


@dataclass(frozen=True, kw_only=True)
class Told:
    """The run is told, or was told already and has not heard it yet."""

    run_id: int
    do: Do
    steps: tuple[str, ...] = ()
    """The failed steps that are answered."""
    repeated: bool = False


@dataclass(frozen=True, kw_only=True)
class NotTold:
    """Nothing happened; `message` says why."""

    kind: Literal["unknown", "ended", "not_stuck"]
    message: str


def steer_run(conn: sa.Connection, run_id: int, do: Do, by: str, now: datetime, *, reason: str = "") -> Told | NotTold:
    """Answer every failed step that a run stands at, or end the run whatever it does, for a reason."""
    row = conn.execute(sa.select(run).where(run.c.id == run_id).with_for_update()).one_or_none()
    if row is None:
        return NotTold(kind="unknown", message=f"there is no run {run_id}")
    if row.state != "open":
        return NotTold(kind="ended", message=f"run {run_id} has ended: {row.reason}")
    if do == "end":
        repeated = _is_on_its_way(conn, run_id, row.heard, "end")
        if not repeated:
            says = f"ended by {by}: {reason}" if reason else f"ended by {by}"
            tell(conn, run_id, "end", of="stop", values={"reason": says}, at=now)
        return Told(run_id=run_id, do=do, repeated=repeated)
    if row.standing != "stuck":
        return NotTold(kind="not_stuck", message=f"run {run_id} is not in the error queue; it is {row.standing}")
    failed = tuple(stand["step"] for stand in row.at_step if stand["says"].startswith(FAILED))
    fresh = [step for step in failed if not _is_on_its_way(conn, run_id, row.heard, "retry", step)]
    for step in fresh:
        tell(conn, run_id, "retry", of=step, values={"do": do}, at=now)
    return Told(run_id=run_id, do=do, steps=failed, repeated=not fresh)


FAILED = "failed:"
"""How the standing of a failed step begins."""


def _is_on_its_way(conn: sa.Connection, run_id: int, heard: int, kind: str, of: str | None = None) -> bool:
    fact = outbox.c.fact
    waiting = [outbox.c.run_id == run_id, outbox.c.n > heard, fact["kind"].astext == kind]
    if of is not None:
        waiting.append(fact["of"].astext == of)
    return bool(conn.execute(sa.select(sa.exists().where(*waiting))).scalar_one())
