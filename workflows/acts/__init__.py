"""What acts do: one file a kind, and this table from verb to function. Nothing here knows Temporal."""

from collections.abc import Callable

from engine.turns.runtime import Act, Receipt
from workflows.acts.acting import Acting
from workflows.acts.email import draft_mail, prepare_mails
from workflows.acts.end import end_run
from workflows.acts.enroll import enroll_account
from workflows.acts.notify import notify_colleagues
from workflows.acts.set_ import set_fields
from workflows.acts.survey import ask_contact
from workflows.acts.task import escalate_task, expire_task, give_task, remind_of_task, withdraw_tasks
from workflows.acts.webhook import order_request

PERFORM: dict[str, Callable[[Acting, Act], Receipt]] = {
    "email": prepare_mails,
    "draft": draft_mail,
    "survey": ask_contact,
    "notify": notify_colleagues,
    "webhook": order_request,
    "task": give_task,
    "remind": remind_of_task,
    "escalate": escalate_task,
    "expire": expire_task,
    "withdraw": withdraw_tasks,
    "set": set_fields,
    "enroll": enroll_account,
    "end": end_run,
}
"""Each is performed inside the ledger's transaction, at most once for its key."""
