"""Chooses the connectors: reads the deployed workspace's settings and hands each provider what it needs."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from app.errors import AppError, SettingsError
from app.listening import address_of
from app.settings import read_settings, secret
from connectors.chat.port import Chat
from connectors.chat.registry import Needs as ChatNeeds
from connectors.chat.registry import open_chat
from connectors.email.port import Accepted, OutgoingMail, Refused, Transport
from connectors.email.registry import Needs as MailNeeds
from connectors.email.registry import open_transport
from connectors.errors import Misconfigured, Unavailable
from connectors.providers import UnknownProvider
from connectors.replies.port import Mailbox
from connectors.replies.registry import Arrivals, open_arrivals
from connectors.replies.registry import Needs as ReplyNeeds
from connectors.source.sql import SqlSource
from connectors.tasks.port import NewTask, TaskList
from connectors.tasks.registry import Needs as TaskNeeds
from connectors.tasks.registry import open_task_list
from connectors.webhook.port import Caller
from connectors.webhook.registry import Needs as CallerNeeds
from connectors.webhook.registry import open_caller
from engine.workspace import REPLIES, Connector, Pull, Workspace
from store.deployed import NothingDeployed, load_workspace
from store.inbox.tasks import open_task
from store.responses.links import Links, own_key
from workflows.ports import STREAM, Ports

_STORED, _OWN = "stored", "own"


class ConnectorError(AppError):
    """A connector of tenure.yaml cannot be used as it is set."""


def open_ports(database: sa.Engine) -> Ports:
    """The connectors of the deployed workspace; where it names none, mail is stored and nothing leaves."""
    # Opened once here, so that a wrong setting is said at the start.
    try:
        _open(_declared(database)).close()
    except Misconfigured as error:
        raise ConnectorError(str(error)) from error
    return Ports(
        tasks=own_tasks,
        transports=lambda: {STREAM: _AsDeployed(database)},
        webhook=lambda name: _webhook(_connector(database, "webhook", name), name),
        chat=lambda name: _chat(_connector(database, "chat", name), name),
        mailbox=lambda: _mailbox(database),
        links=_links,
        tell_private=read_settings().tell_private,
        source=open_source,
    )


def open_source(pull: Pull) -> SqlSource:
    """A source of facts; its address is in the environment and nowhere else."""
    address = secret(pull.address_env)
    if not address:
        raise Misconfigured(f"the source {pull.name} needs its database's address in {pull.address_env}")
    return SqlSource(pull, address)


class _AsDeployed:
    """The transport that the workspace names at the moment: a deploy counts from the next mail on."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._of: _Declared | None = None
        self._transport: Transport | None = None
        self._lock = Lock()

    @property
    def at_once(self) -> int:
        try:
            return self._current().at_once
        except Misconfigured:
            # The first mail that is tried says what is wrong.
            return 1

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        return self._readable().deliver(mail, hand_over)

    def look_up(self, message_id: str) -> Accepted | Refused | None:
        return self._readable().look_up(message_id)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _readable(self) -> Transport:
        try:
            return self._current()
        except sa.exc.SQLAlchemyError as error:
            raise Unavailable(f"the workspace cannot be read: {type(error).__name__}") from error

    def _current(self) -> Transport:
        declared = _declared(self._database)
        with self._lock:
            if self._transport is None or declared != self._of:
                self.close()
                self._transport, self._of = _open(declared), declared
            return self._transport


_Declared = tuple[str, Mapping[str, Any]]


def transport_of(workspace: Workspace) -> Transport | None:
    """The transport that a workspace names, deployed or not; None where mail is only stored. Raises Misconfigured."""
    email = workspace.connectors.get(STREAM)
    return None if email is None or email.provider == _STORED else _open((email.provider, email.settings))


def _declared(database: sa.Engine) -> _Declared:
    try:
        with database.connect() as conn:
            email = load_workspace(conn).connectors.get("email")
    except NothingDeployed:
        email = None
    return (email.provider, email.settings) if email else (_STORED, {})


def _open(declared: _Declared) -> Transport:
    provider, settings = declared
    # A stored mail is the mail's own row: keeping it is settling it.
    needs = MailNeeds(secret=secret, keep=lambda _mail: None, kept=lambda _message_id: True)
    try:
        return open_transport(provider, settings, needs)
    except (UnknownProvider, ValidationError) as error:
        raise Misconfigured(f"tenure.yaml, connectors.email: {error}") from error


def sendgrid_key(database: sa.Engine) -> str | None:
    """What SendGrid's events are signed with, where the deployed workspace sends through SendGrid and names it."""
    provider, settings = _declared(database)
    name = settings.get("events_key_env")
    return _secret(name) if provider == "sendgrid" and isinstance(name, str) else None


def replies_secret(database: sa.Engine) -> str | None:
    """What posts of replies have in their address, where the deployed workspace gets replies that way."""
    arrivals = _arrivals(database)
    return arrivals.secret() if arrivals and arrivals.secret else None


def _mailbox(database: sa.Engine) -> Mailbox | None:
    arrivals = _arrivals(database)
    return arrivals.mailbox if arrivals else None


def _arrivals(database: sa.Engine) -> Arrivals | None:
    try:
        with database.connect() as conn:
            declared = load_workspace(conn).connectors.get(REPLIES)
    except NothingDeployed:
        declared = None
    if declared is None:
        return None
    try:
        return open_arrivals(declared.provider, declared.settings, ReplyNeeds(secret=_secret))
    except (UnknownProvider, ValidationError) as error:
        raise Misconfigured(f"tenure.yaml, connectors.{REPLIES}: {_in_a_line(error)}") from error


def _connector(database: sa.Engine, kind: str, name: str) -> Connector:
    """As the workspace declares it at this moment."""
    try:
        with database.connect() as conn:
            found = load_workspace(conn).connectors.get(name)
    except NothingDeployed:
        found = None
    if found is None or found.kind != kind:
        raise Misconfigured(f"tenure.yaml declares no {kind} connector {name} any more")
    return found


def _webhook(connector: Connector, name: str) -> Caller:
    try:
        return open_caller(connector.provider, connector.settings, CallerNeeds(secret=_secret))
    except (UnknownProvider, ValidationError) as error:
        raise Misconfigured(f"tenure.yaml, connectors.{name}: {_in_a_line(error)}") from error


def _chat(connector: Connector, name: str) -> Chat:
    try:
        return open_chat(connector.provider, connector.settings, ChatNeeds(secret=_secret))
    except (UnknownProvider, ValidationError) as error:
        raise Misconfigured(f"tenure.yaml, connectors.{name}: {_in_a_line(error)}") from error


def _secret(name: str) -> str | None:
    try:
        return secret(name)
    except SettingsError as error:
        raise Misconfigured(str(error)) from error


def _in_a_line(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    # Pydantic's own text repeats what was given.
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False))


def _links(conn: sa.Connection) -> Links:
    """Where public pages are; mail that only is stored may name a place that nobody else can reach."""
    settings = read_settings()
    url = settings.public_url
    if url is None:
        email = load_workspace(conn).connectors.get(STREAM)
        if email is not None and email.provider != _STORED:
            raise Misconfigured("TENURE_PUBLIC_URL is not set: nobody could reach the pages that mails lead to")
        url = address_of(settings.web_host, settings.web_port or 8000)
    return Links(public_url=url, key=settings.signing_key or own_key(conn))


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
