"""What acts need of the world: chosen by `app`, handed to the worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.chat.port import Chat
from connectors.chat.stored import StoredChat
from connectors.email.port import Transport
from connectors.errors import Misconfigured
from connectors.replies.port import Mailbox
from connectors.source.sql import SqlSource
from connectors.tasks.port import TaskList
from connectors.webhook.port import Caller
from connectors.webhook.stored import StoredCaller
from engine.workspace import Pull
from store.responses.links import Links, own_key

STREAM = "email"
"""The mail stream, and the connector of tenure.yaml that it uses."""


def local_links(conn: sa.Connection) -> Links:
    """For an installation that nobody outside is to reach."""
    return Links(public_url="http://localhost", key=own_key(conn))


def _no_source(pull: Pull) -> SqlSource:
    raise Misconfigured(f"nobody said where {pull.name} is")


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Connectors by their family."""

    tasks: Callable[[sa.Connection], TaskList]
    """The list of tasks; Tenure's own writes in the act's transaction."""
    transports: Callable[[], Mapping[str, Transport]]
    """Mail transports by stream, made anew for each dispatcher, since one belongs to one thread."""
    webhook: Callable[[str], Caller] = lambda _name: StoredCaller()
    """A webhook connector by name, as it is declared now; raises Misconfigured. By default nothing leaves."""
    chat: Callable[[str], Chat] = lambda _name: StoredChat()
    """A chat connector by name; the same holds."""
    mailbox: Callable[[], Mailbox | None] = lambda: None
    """Where replies arrive and have to be asked for, as it is declared now; raises Misconfigured."""
    tell_private: bool = False
    """Whether programs that are told what happens may lie in a private network."""
    source: Callable[[Pull], SqlSource] = _no_source
    """Other databases by their declaration; raises Misconfigured."""
    links: Callable[[sa.Connection], Links] = local_links
    """Addresses of public pages."""
