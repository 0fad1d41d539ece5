"""What acts do: one file a kind, and this table from verb to function. Nothing here knows Temporal."""

from collections.abc import Callable

from engine.runtime import Act, Receipt
from workflows.acts.acting import Acting
from workflows.acts.email import prepare_mails
from workflows.acts.end import end_run
from workflows.acts.set_ import set_fields
from workflows.acts.task import escalate_task, expire_task, give_task, remind_of_task, withdraw_tasks

PERFORM: dict[str, Callable[[Acting, Act], Receipt]] = {
    "email": prepare_mails,
    "task": give_task,
    "remind": remind_of_task,
    "escalate": escalate_task,
    "expire": expire_task,
    "withdraw": withdraw_tasks,
    "set": set_fields,
    "end": end_run,
}
"""Each is performed inside the ledger's transaction, at most once for its key."""
