"""Gives, reminds of, escalates, expires and withdraws tasks through the task list's port."""

from datetime import datetime

from connectors.tasks.port import NewTask
from engine.texts.filters import RenderError
from engine.texts.templates import render_line
from engine.turns.runtime import Act, Receipt
from store import errands, mails
from store.assigning import assignee_for
from store.inbox import tasks
from store.people import text_values
from store.running.cutting import CUT
from workflows.acts.acting import Acting
from workflows.acts.reminding import tell_of_task


def give_task(acting: Acting, act: Act) -> Receipt:
    """Params: title, description, assign (a staff role), due, checklist, outcomes. Texts are rendered here."""
    params = act.params
    values = text_values(acting.conn, acting.account_id, acting.workspace)
    try:
        title = render_line(params["title"], values)
        description = render_line(params["description"], values)
        checklist = [render_line(item, values) for item in params["checklist"]]
    except RenderError as error:
        return Receipt(outcome="failed", reason=str(error))
    task = NewTask(
        run_id=acting.run_id,
        step=act.step,
        visit=act.visit,
        account_id=acting.account_id,
        title=title,
        description=description,
        checklist=tuple(checklist),
        outcomes=tuple(params["outcomes"]),
        assignee=assignee_for(acting.conn, acting.account_id, params["assign"], acting.workspace),
        due_at=datetime.fromisoformat(params["due"]) if params["due"] else None,
        at=acting.now,
    )
    opened = acting.ports.tasks(acting.conn).open(task)
    return Receipt(outcome="done", values={"outcome": "open", **opened.values})


def remind_of_task(acting: Acting, act: Act) -> Receipt:
    """Write to the assignee, and note that they were reminded."""
    task_id = _task(acting, act)
    changed = task_id is not None and tasks.remind(acting.conn, task_id, acting.now)
    if task_id is not None and changed:
        tell_of_task(acting, task_id, "remind", tasks.assignee_of(acting.conn, task_id))
    return _done("reminded", changed=changed)


def escalate_task(acting: Acting, act: Act) -> Receipt:
    """Params: to, a staff role. Shown to that person too, who is written to; the assignee stays responsible."""
    person = assignee_for(acting.conn, acting.account_id, act.params["to"], acting.workspace)
    if person is None:
        return Receipt(outcome="skipped", reason=f"nobody is {act.params['to']} for this account")
    task_id = _task(acting, act)
    changed = task_id is not None and tasks.escalate(acting.conn, task_id, person)
    if task_id is not None and changed:
        tell_of_task(acting, task_id, "escalate", person)
    return _done("escalated", changed=changed)


def expire_task(acting: Acting, act: Act) -> Receipt:
    """The run gives up waiting; the receipt holds the outcome in force, which may be a person's."""
    task_id = _task(acting, act)
    outcome = tasks.expire(acting.conn, task_id, acting.now) if task_id is not None else "expired"
    return Receipt(outcome="done", values={"outcome": outcome})


def withdraw_tasks(acting: Acting, act: Act) -> Receipt:
    """Params: steps whose open tasks nobody needs to do any more, of whichever visit; and `unsent`, the steps whose
    queued mails and requests are not to leave any more."""
    steps, unsent = list(act.params["steps"]), list(act.params.get("unsent", ()))
    withdrawn = tasks.withdraw_all(acting.conn, acting.run_id, steps, acting.now)
    values = {"outcome": "withdrawn", "steps": steps, "tasks": withdrawn}
    if unsent:
        mails.skip_unsent(acting.conn, acting.run_id, acting.now, CUT, steps=unsent)
        errands.skip_unsent(acting.conn, acting.run_id, acting.now, CUT, steps=unsent)
        values["unsent"] = unsent
    return Receipt(outcome="done", values=values)


def _task(acting: Acting, act: Act) -> int | None:
    return tasks.task_of(acting.conn, acting.run_id, act.step, act.visit)


def _done(what: str, *, changed: bool) -> Receipt:
    if changed:
        return Receipt(outcome="done", values={"outcome": what})
    return Receipt(outcome="skipped", reason="the task is settled already")
