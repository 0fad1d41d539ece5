"""Runs under way when a new version is installed are walked by it: recorded histories must still be understood."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from engine.steps import KINDS as STEPS
from tests.replay.replaying import kinds_walked, paths_in, plan_of, replay

RECORDED = sorted(Path(__file__).with_name("histories").glob("*.json"))
# The engine is pure by other tests, and imports within itself as it goes; everything else must stay outside.
STRICT = SandboxRestrictions.default.with_passthrough_modules("engine", "workflows").with_import_notification_policy(
    SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
)
KINDS = {
    *("email", "draft", "task", "notify", "webhook", "survey", "set", "enroll"),
    *("remind", "escalate", "expire", "withdraw", "end"),
}


def recorded(file: Path) -> tuple[WorkflowHistory, list[dict[str, Any]]]:
    document = json.loads(file.read_text(encoding="utf-8"))
    return WorkflowHistory.from_json(document["workflow_id"], document["history"]), document["asked"]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_a_recorded_run_asks_today_what_it_asked_then(file: Path) -> None:
    history, asked = recorded(file)
    assert await replay(history) == asked


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_the_workflow_runs_in_the_strict_sandbox(file: Path) -> None:
    """Production does without it, for speed: so nothing may be there that it would refuse."""
    history, asked = recorded(file)
    assert await replay(history, SandboxedWorkflowRunner(restrictions=STRICT)) == asked


async def test_a_history_that_the_code_would_not_write_is_noticed() -> None:
    file = next(file for file in RECORDED if file.stem == "talk")
    document = json.loads(file.read_text(encoding="utf-8"))
    started = document["history"]["events"][0]["workflowExecutionStartedEventAttributes"]
    argument = started["input"]["payloads"][0]
    plan = json.loads(base64.b64decode(argument["data"]))
    plan["steps"].reverse()
    argument["data"] = base64.b64encode(json.dumps(plan).encode()).decode()
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await replay(WorkflowHistory.from_json(document["workflow_id"], document["history"]))


def test_the_recorded_runs_walk_every_step() -> None:
    walked: set[str] = set()
    for file in RECORDED:
        document = json.loads(file.read_text(encoding="utf-8"))
        walked |= kinds_walked(plan_of(document["history"]), paths_in(document["asked"]))
    assert walked == set(STEPS) - {"end"}  # which leaves no line of its own


def test_the_recorded_runs_act_in_every_way() -> None:
    asked = [one for file in RECORDED for one in recorded(file)[1]]
    assert {one["input"]["act"]["verb"] for one in asked if one["activity"] == "perform"} == KINDS
    assert {one["activity"] for one in asked} == {"perform", "read", "rest"}
