"""The lists of tasks there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.tasks.own import OwnTaskList
from connectors.tasks.port import NewTask, TaskList
from engine.problems import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to task lists: its own store of tasks."""

    store: Callable[[NewTask], Mapping[str, object]]


PROVIDERS: Mapping[str, Callable[[Needs], TaskList]] = {
    "own": lambda needs: OwnTaskList(needs.store),
}


class UnknownProvider(LookupError):
    """No list of tasks has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f'there is no task list "{name}" ({did_you_mean(name, PROVIDERS)})')


def open_task_list(name: str, needs: Needs) -> TaskList:
    """A list of tasks by provider name; raises UnknownProvider."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider(name)
    return provider(needs)
