"""The name under which Temporal knows our code."""

import shutil
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.databases import engine_of
from tests.e2e.test_equality import stored_ports
from workflows import build
from workflows.worker import playbook_worker

_ROOT = Path(build.__file__).parent.parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what runs are decided by."""
    for part in ("engine", "workflows"):
        shutil.copytree(_ROOT / part, tmp_path / part)
    monkeypatch.setattr(build, "_ROOT", tmp_path)
    return tmp_path


def test_the_same_code_is_the_same_build_wherever_it_lies(checkout: Path):
    assert build.build_id.__wrapped__() == build.build_id()
    assert checkout != _ROOT


@pytest.mark.parametrize("file", ["engine/interpreter.py", "workflows/playbook.py", "engine/steps/wait.py"])
def test_another_line_in_what_decides_is_another_build(checkout: Path, file: str):
    before = build.build_id.__wrapped__()
    with (checkout / file).open("a", encoding="utf-8") as code:
        code.write("# another\n")
    assert build.build_id.__wrapped__() != before


async def test_a_worker_tells_temporal_which_code_it_is(database: str, temporal_client: Client):
    engine = engine_of(database)
    assert playbook_worker(temporal_client, engine, stored_ports()).config()["build_id"] == build.build_id()
    engine.dispose()
