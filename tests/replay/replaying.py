"""Walks a recorded history again with today's code, and keeps every question that the workflow asks on the way."""

from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
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
        data_converter=pydantic_data_converter,
        interceptors=[_Listening()],
        unsandboxed_workflow_runner=runner or UnsandboxedWorkflowRunner(),
    )
    await replayer.replay_workflow(history)
    return list(_asked)


def _json(question: Any) -> Any:
    payload = pydantic_data_converter.payload_converter.to_payload(question)
    return pydantic_data_converter.payload_converter.from_payload(payload)
