"""What a colleague reads when a task is about to be late, or late: which task it is, why it is there, and where.

A mail that cannot be written is no reason to stop a run: the task itself says that it is due.
"""

from typing import Literal
from zoneinfo import ZoneInfo

import structlog

from connectors.errors import Misconfigured
from engine.texts.filters import RenderError
from engine.texts.templates import render_line
from store.people import colleague
from store.queries.task_detail import reasons_of_run
from store.queries.tasks import TaskRow, get_task
from workflows.acts.acting import Acting
from workflows.acts.colleagues import write_colleague

Kind = Literal["remind", "escalate"]
_log = structlog.get_logger(__name__)


def tell_of_task(acting: Acting, task_id: int, kind: Kind, person: str | None) -> int | None:
    """Write to a colleague about an open task, once for its run, step, visit and kind; None: nobody was written to."""
    task = get_task(acting.conn, task_id, acting.now)
    to, sender = colleague(acting.conn, person) if person else None, acting.workspace.sender
    if task is None or to is None or not to.email or sender is None:
        return None
    values = {
        "task.title": task.title,
        "task.account": task.account_name,
        "task.due": _local(task, acting),
        "task.whose": task.assignee_name or "nobody",
        "task.playbook": task.playbook,
        "task.why": "; ".join(one.says for one in reasons_of_run(acting.conn, task.run_id)) or None,
        "task.link": _link(acting, task_id),
    }
    subject = render_line(_SUBJECTS[kind], values)
    try:
        return write_colleague(acting, f"{task.step}/{kind}", task.visit, to, sender, subject, _TEXTS[kind], values)
    except RenderError as error:
        _log.warning("task.not_told", task=task_id, kind=kind, error=str(error))
        return None


def _local(task: TaskRow, acting: Acting) -> str | None:
    zone = acting.workspace.zone
    return f"{task.due_at.astimezone(ZoneInfo(zone)):%A %Y-%m-%d %H:%M} ({zone})" if task.due_at else None


def _link(acting: Acting, task_id: int) -> str | None:
    try:
        return acting.ports.links(acting.conn).task(task_id)
    except Misconfigured:
        return None


_SUBJECTS = {
    "remind": "Due soon: {{ task.title }} ({{ task.account }})",
    "escalate": "Late: {{ task.title }} ({{ task.account }})",
}
_TASK = """
**{{ task.title }}** for {{ task.account }}{% if task.due %}, due {{ task.due }}{% endif %}.

It is there because of {{ task.playbook }}{% if task.why %}: {{ task.why }}{% endif %}.
{% if task.link %}

[Open the task]({{ task.link }})
{% endif %}
"""
_TEXTS = {
    "remind": f"A task of yours is due soon.\n{_TASK}",
    "escalate": f"A task is late, and its playbook asks you to see to it. It stays with {{{{ task.whose }}}}.\n{_TASK}",
}
