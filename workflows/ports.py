"""What acts need of the world: chosen by `app`, handed to the worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.email.port import Transport
from connectors.tasks.port import TaskList

STREAM = "email"
"""The mail stream, and the connector of tenure.yaml that it uses."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Connectors by their family."""

    tasks: Callable[[sa.Connection], TaskList]
    """The list of tasks; Tenure's own writes in the act's transaction."""
    transports: Callable[[], Mapping[str, Transport]]
    """Mail transports by stream, made anew for each dispatcher, since one belongs to one thread."""
