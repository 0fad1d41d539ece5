"""What a colleague reads when a task is about to be late, or late: which task it is, why it is there, and where.

A mail that cannot be written is no reason to stop a run: the task itself says that it is due.
"""

from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

import structlog

from connectors.errors import Misconfigured
from engine.texts.filters import RenderError
from engine.texts.templates import fill, render_line
from store import errands
from store.people import colleague
from store.queries.task_detail import reasons_of_run
from store.queries.tasks import TaskRow, get_task
from workflows.acts.acting import Acting
from workflows.acts.colleagues import write_colleague

Kind = Literal["remind", "escalate"]
_log = structlog.get_logger(__name__)


def tell_of_task(acting: Acting, task_id: int, kind: Kind, person: str | None) -> int | None:
    """Write to a colleague about an open task, once for its run, step, visit and kind; the mail, or None where nobody
    was written to. Where the workspace has a channel for reminders, it is said there as well."""
    task = get_task(acting.conn, task_id, acting.now)
    if task is None:
        return None
    to, values = colleague(acting.conn, person) if person else None, _values(acting, task, task_id)
    subject = render_line(_SUBJECTS[kind], values)
    if acting.workspace.reminders is not None:
        _say(acting, task, kind, acting.workspace.reminders.channel, {**values, "to.name": to.name if to else "nobody"})
    sender = acting.workspace.sender
    if to is None or not to.email or sender is None:
        return None
    try:
        return write_colleague(acting, f"{task.step}/{kind}", task.visit, to, sender, subject, _TEXTS[kind], values)
    except RenderError as error:
        _log.warning("task.not_told", task=task_id, kind=kind, error=str(error))
        return None


def _say(acting: Acting, task: TaskRow, kind: Kind, channel: str, values: Mapping[str, Any]) -> None:
    order = errands.Order(
        run_id=acting.run_id,
        step=f"{task.step}/{kind}",
        visit=task.visit,
        account_id=acting.account_id,
        kind="chat",
        connector=channel,
        body={"text": fill(_SAID[kind], values)},
    )
    errands.prepare(acting.conn, order, acting.now)


def _values(acting: Acting, task: TaskRow, task_id: int) -> Mapping[str, Any]:
    return {
        "task.title": task.title,
        "task.account": task.account_name,
        "task.due": _local(task, acting),
        "task.whose": task.assignee_name or "nobody",
        "task.playbook": task.playbook,
        "task.why": "; ".join(one.says for one in reasons_of_run(acting.conn, task.run_id)) or None,
        "task.link": _link(acting, task_id),
    }


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
_ABOUT = (
    "{{ task.title }} ({{ task.account }}){% if task.due %}, due {{ task.due }}{% endif %}"
    "{% if task.link %}: {{ task.link }}{% endif %}"
)
_SAID = {
    "remind": f"{{{{ to.name }}}}, this is due soon: {_ABOUT}",
    "escalate": f"{{{{ to.name }}}}, this is late, and stays with {{{{ task.whose }}}}: {_ABOUT}",
}
"""For a channel, where everybody reads: for whom it is, what, until when, and where."""
