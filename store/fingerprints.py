"""Names for what runs send outside: the same at every attempt, others in another database, and telling nothing."""

import hashlib

import sqlalchemy as sa

from store.postgres.statements import Statement


def of_run(conn: sa.Connection, run_id: int, *parts: object) -> str:
    """32 hexadecimal digits for something of a run, such as a step, its visit and whom it is for."""
    row = _RUN.read_one(conn, {"run": run_id})
    if row is None:
        raise LookupError(f"there is no run {run_id}")
    words = (row.workflow_id, row.started_at.isoformat(), *parts)
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:32]


_RUN = Statement("select workflow_id, started_at from run where id = %(run)s")
