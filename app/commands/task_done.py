"""`tenure task done`: a CSM completes a task, and the run goes on."""

from pathlib import Path

import sqlalchemy as sa

from app.commands.going_on import go_on
from app.running import FINDINGS, Services, UsageError, plain, say, show
from store import clock
from store.inbox.tasks import Edit, Refused, complete
from store.schema import task


def complete_task(
    number: int,
    outcome: str,
    note: str | None,
    by: str | None,
    home: Path | None,
    *,
    subject: str | None,
    body: Path | None,
    as_json: bool,
) -> int:
    """0 when it is done (or was, the same way); 1 when it is refused."""
    edited = Edit(subject=subject, body=_read(body)) if subject is not None or body is not None else None
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            assignee = conn.execute(sa.select(task.c.assignee).where(task.c.id == number)).scalar()
            answer = complete(conn, number, outcome, note, by or assignee or "somebody", clock.now(conn), edited=edited)
        if isinstance(answer, Refused):
            say(f"tenure: {answer.message}" + (f" ({answer.hint})" if answer.hint else ""))
            if as_json:
                show({"refused": plain(answer)})
            return FINDINGS
        went_on = "" if answer.repeated else go_on(services)
    if as_json:
        show(plain(answer))
    elif answer.repeated:
        print(f"task {answer.task_id} was done already: {answer.outcome} by {answer.by}. Nothing changed.")
    else:
        print(f"task {answer.task_id} is done: {answer.outcome} by {answer.by}; {went_on}")
    return 0


def _read(file: Path | None) -> str | None:
    try:
        return None if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{file} cannot be read ({reason})") from error
