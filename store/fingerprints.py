"""Names for what runs send outside: the same at every attempt, others in another database, and telling nothing."""

import hashlib

import sqlalchemy as sa

from store.schema import run


def of_run(conn: sa.Connection, run_id: int, *parts: object) -> str:
    """32 hexadecimal digits for something of a run, such as a step, its visit and whom it is for."""
    row = conn.execute(sa.select(run.c.workflow_id, run.c.started_at).where(run.c.id == run_id)).one()
    words = (row.workflow_id, row.started_at.isoformat(), *parts)
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:32]
