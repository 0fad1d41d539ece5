"""The lists of tasks there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.providers import UnknownProvider
from connectors.tasks.own import OwnTaskList
from connectors.tasks.port import NewTask, TaskList


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to task lists: its own store of tasks."""

    store: Callable[[NewTask], Mapping[str, object]]


PROVIDERS: Mapping[str, Callable[[Needs], TaskList]] = {
    "own": lambda needs: OwnTaskList(needs.store),
}


def open_task_list(name: str, needs: Needs) -> TaskList:
    """A list of tasks by provider name; raises UnknownProvider."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider("task list", name, PROVIDERS)
    return provider(needs)
