"""Chooses the connectors: reads the deployed workspace's settings and hands each provider what it needs."""

from collections.abc import Mapping

import sqlalchemy as sa
from pydantic import ValidationError

from app.errors import AppError
from app.settings import secret
from connectors.email.port import Transport
from connectors.email.registry import Needs as MailNeeds
from connectors.email.registry import UnknownProvider, open_transport
from connectors.tasks.port import NewTask, TaskList
from connectors.tasks.registry import Needs as TaskNeeds
from connectors.tasks.registry import open_task_list
from store.deployed import NothingDeployed, load_workspace
from store.tasks import open_task
from workflows.ports import STREAM, Ports

_STORED, _OWN = "stored", "own"


class ConnectorError(AppError):
    """A connector of tenure.yaml cannot be used as it is set."""


def open_ports(database: sa.Engine) -> Ports:
    """The connectors of the deployed workspace; where it names none, mail is stored and nothing leaves."""
    try:
        with database.connect() as conn:
            declared = load_workspace(conn).connectors
    except NothingDeployed:
        declared = {}
    email = declared.get("email")
    provider, settings = (email.provider, email.settings) if email else (_STORED, {})
    # A stored mail is the mail's own row: keeping it is settling it.
    needs = MailNeeds(secret=secret, keep=lambda _mail: None, kept=lambda _message_id: True)

    def transports() -> Mapping[str, Transport]:
        try:
            return {STREAM: open_transport(provider, settings, needs)}
        except (UnknownProvider, ValidationError) as error:
            raise ConnectorError(f"tenure.yaml, connectors.email: {error}") from error

    # Made once here, so that a wrong setting is said at the start.
    for transport in transports().values():
        transport.close()
    return Ports(tasks=own_tasks, transports=transports)


def own_tasks(conn: sa.Connection) -> TaskList:
    """Tenure's own list, written in the transaction of the act."""

    def store(task: NewTask) -> Mapping[str, object]:
        return open_task(
            conn,
            run_id=task.run_id,
            step=task.step,
            visit=task.visit,
            account_id=task.account_id,
            title=task.title,
            now=task.at,
            description=task.description,
            checklist=task.checklist,
            outcomes=task.outcomes,
            assignee=task.assignee,
            due_at=task.due_at,
        )

    return open_task_list(_OWN, TaskNeeds(store=store))
