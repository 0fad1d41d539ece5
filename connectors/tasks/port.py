"""What every list of tasks takes and gives: Tenure's own, or that of another tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """Something a colleague should do. (run_id, step, visit) names it: opening it twice gives the first one."""

    run_id: int
    step: str
    visit: int
    account_id: int
    title: str
    description: str = ""
    checklist: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("done",)
    assignee: str | None = None
    """The key of a person; None when nobody could be found."""
    due_at: datetime | None = None
    at: datetime
    """When it is given, by the clock that Tenure runs on."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The task is on the list; `values` go into the act's receipt."""

    values: Mapping[str, object]


class TaskList(Protocol):
    """Where colleagues find their tasks."""

    def open(self, task: NewTask) -> Opened:
        """Put a task on the list; raises the errors of connectors.errors when it is not there afterwards."""
        ...
