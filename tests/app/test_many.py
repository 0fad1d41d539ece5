"""Many playbooks: looked at by several processes, with the answers of one."""

import os
import signal
from datetime import date

import pytest

from app import many
from engine.problems import Problem
from engine.project import problems_of, read_project
from tests.authoring import FILES

TODAY = date(2026, 3, 2)


def playbook(n: int) -> bytes:
    """Each with a problem of its own; every tenth starts the next one, which has no trigger for that."""
    enroll = f"\n  - {{ id: go, enroll: p-{n + 1:03} }}" if n % 10 == 0 else ""
    text = f"playbook: p-{n:03}\ntitle: One\ntriggers: [{{ score: health, falls_below: 40 }}]\nsteps:\n"
    return f"{text}  - {{ id: call, task: {{ title: Call, assign: nobody_{n} }} }}{enroll}\n".encode()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr(many, "_FEW", 20)
    monkeypatch.setattr(many, "_CHUNK", 4)
    monkeypatch.setattr(many, "_processors", lambda: 3)
    return dict(FILES) | {f"playbooks/p-{n:03}/playbook.yaml": playbook(n) for n in range(41)}


def shared(files: dict[str, bytes]) -> tuple[Problem, ...]:
    return problems_of(files, "shop", today=TODAY, share=many.sharing(files, "shop", today=TODAY))


def test_several_processes_find_what_one_finds_in_the_same_order(files: dict[str, bytes]):
    found = shared(files)
    assert len(found) > 40
    assert found == problems_of(files, "shop", today=TODAY) == read_project(files, "shop", today=TODAY).problems


def test_a_helper_that_is_killed_leaves_its_part_to_the_first_process(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(many, "_begin", _dies)
    assert shared(files) == problems_of(files, "shop", today=TODAY)


def _dies(*_given: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_workspace_with_errors_is_told_of_without_help(files: dict[str, bytes]):
    files["tenure.yaml"] += b"\nzone: Mars\n"
    assert shared(files) == read_project(files, "shop", today=TODAY).problems
