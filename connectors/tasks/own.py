"""Tenure's own list of tasks, whose inbox the web shows."""

from collections.abc import Callable, Mapping

from connectors.tasks.port import NewTask, Opened


class OwnTaskList:
    """`store` writes a task, once for its name; it is the application's."""

    def __init__(self, store: Callable[[NewTask], Mapping[str, object]]) -> None:
        self._store = store

    def open(self, task: NewTask) -> Opened:
        return Opened(values=self._store(task))
