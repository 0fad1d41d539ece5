"""Walks a recorded history again with today's code, and keeps every question that the workflow asks on the way."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Interceptor,
    Replayer,
    StartLocalActivityInput,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
    WorkflowRunner,
)

from engine.outline import by_path
from engine.plan import Plan
from workflows.converter import DATA_CONVERTER
from workflows.playbook import PlaybookWorkflow

Asked = list[dict[str, Any]]
"""Activities with their inputs as JSON, in order. Temporal keeps the answers of local activities, not the questions."""

_asked: Asked = []


class _Outbound(WorkflowOutboundInterceptor):
    def start_local_activity(self, input: StartLocalActivityInput) -> Any:  # noqa: A002 - Temporal's word
        _asked.append({"activity": input.activity, "input": _json(input.args[0])})
        return super().start_local_activity(input)


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Listening(Interceptor):
    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002
        return _Inbound


async def replay(history: WorkflowHistory, runner: WorkflowRunner | None = None) -> Asked:
    """What the workflow asks; raises when it takes another way than the history says."""
    _asked.clear()
    replayer = Replayer(
        workflows=[PlaybookWorkflow],
        data_converter=DATA_CONVERTER,
        interceptors=[_Listening()],
        unsandboxed_workflow_runner=runner or UnsandboxedWorkflowRunner(),
    )
    await replayer.replay_workflow(history)
    return list(_asked)


def plan_of(history: Mapping[str, Any]) -> Plan:
    """The plan that a recorded run walks: the second part of its start's argument."""
    started = history["events"][0]["workflowExecutionStartedEventAttributes"]
    return Plan.model_validate_json(base64.b64decode(started["input"]["payloads"][0]["data"]))


def kinds_walked(plan: Plan, paths: Iterable[str]) -> set[str]:
    """The kinds of the steps at or above these paths of a trace."""
    steps, found = by_path(plan), set()
    for path in set(paths):
        found |= {step.kind for at, step in steps.items() if path.startswith((f"{at}.", f"{at}/")) or path == at}
    return found


def paths_in(asked: Asked) -> set[str]:
    """Where a recorded run told something, or acted."""
    entries = {entry["path"] for one in asked for entry in one["input"].get("entries", ())}
    return entries | {one["input"]["act"]["path"] for one in asked if "act" in one["input"]}


def _json(question: Any) -> Any:
    payload = DATA_CONVERTER.payload_converter.to_payload(question)
    return DATA_CONVERTER.payload_converter.from_payload(payload)
