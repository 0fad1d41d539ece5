from datetime import UTC, datetime

import pytest

from connectors.providers import UnknownProvider
from connectors.tasks.port import NewTask
from connectors.tasks.registry import PROVIDERS, Needs, open_task_list

TASK = NewTask(run_id=1, step="call", visit=1, account_id=2, title="Call", at=datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_task_is_opened_once_for_its_name(name):
    stored: dict[tuple[int, str, int], int] = {}

    def store(task):
        return {"task": stored.setdefault((task.run_id, task.step, task.visit), len(stored) + 7)}

    tasks = open_task_list(name, Needs(store=store))
    assert tasks.open(TASK) == tasks.open(TASK)
    assert len(stored) == 1


def test_an_unknown_list_is_told_the_known_ones():
    with pytest.raises(UnknownProvider, match="own"):
        open_task_list("jira", Needs(store=lambda task: {}))
