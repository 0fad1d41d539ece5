"""Mails that wait for a review: kept beside the reviewer's task, edited by its completion, sent as they were left."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.texts.filters import RenderError
from engine.texts.mail import FilledText, Letterhead, render_filled
from store.people import Contact, contact_of
from store.schema import draft, task


def keep(conn: sa.Connection, task_id: int, contact_id: int, text_hash: str, filled: FilledText) -> None:
    """Put the text beside its task; a second time changes nothing."""
    values = {"task_id": task_id, "contact_id": contact_id, "text_hash": text_hash, **filled.model_dump()}
    conn.execute(insert(draft).values(**values).on_conflict_do_nothing())


def latest(conn: sa.Connection, run_id: int, step: str) -> tuple[Contact, FilledText] | None:
    """What was last reviewed for a step, and for whom."""
    row = conn.execute(
        sa.select(draft)
        .join(task, task.c.id == draft.c.task_id)
        .where(task.c.run_id == run_id, task.c.step == step)
        .order_by(task.c.visit.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return contact_of(conn, row.contact_id), _filled(row)


def of_task(conn: sa.Connection, task_id: int) -> FilledText | None:
    """The text a task asks to review; None for other tasks."""
    row = conn.execute(sa.select(draft).where(draft.c.task_id == task_id)).one_or_none()
    return None if row is None else _filled(row)


def edit(conn: sa.Connection, task_id: int, filled: FilledText, by: str) -> str | None:
    """Replace the text; why not, where it cannot be a mail. The caller holds the task."""
    if not filled.subject.strip() or not filled.body.strip():
        return "a mail has a subject and a body"
    if "\n" in filled.subject.strip():
        return "the subject is one line"
    try:
        render_filled(filled, Letterhead(sender_name="", postal_address=""))
    except RenderError as error:
        return str(error)
    conn.execute(sa.update(draft).where(draft.c.task_id == task_id).values(**filled.model_dump(), edited_by=by))
    return None


def _filled(row: sa.Row[tuple[object, ...]]) -> FilledText:
    return FilledText(subject=row.subject, preheader=row.preheader, body=row.body)
