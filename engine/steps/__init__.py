"""What a playbook can do. To add a step: a file with its document, its value and its walk, and a line in each table."""

from typing import Literal

from pydantic import BaseModel

from engine.kinds import union_by_key
from engine.steps.base import ActingStep, Step, StepCompiler, StepDocument, StepSequence
from engine.steps.email import EmailDocument, EmailStep
from engine.steps.end import EndDocument, EndStep
from engine.steps.if_ import ElifDocument, IfDocument, IfStep
from engine.steps.parallel import ParallelDocument, ParallelStep
from engine.steps.set_ import SetDocument, SetStep
from engine.steps.task import TaskDocument, TaskStep
from engine.steps.wait import WaitDocument, WaitStep
from engine.steps.wait_for import WaitForDocument, WaitForStep

DOCUMENTS: dict[str, type[StepDocument]] = {
    "email": EmailDocument,
    "task": TaskDocument,
    "wait": WaitDocument,
    "wait_for": WaitForDocument,
    "if": IfDocument,
    "parallel": ParallelDocument,
    "set": SetDocument,
    "end": EndDocument,
}
"""The key that tells a step's kind, and its document."""

KINDS: dict[str, type[Step]] = {
    "email": EmailStep,
    "task": TaskStep,
    "wait": WaitStep,
    "wait_for": WaitForStep,
    "if": IfStep,
    "parallel": ParallelStep,
    "set": SetStep,
    "end": EndStep,
}
"""The compiled steps, as plans keep them."""

AnyStepDocument = union_by_key(DOCUMENTS, "a step", beside=("id", "on_error", "then", "else", "on_timeout"))

_holding_steps: tuple[type[BaseModel], ...] = (ElifDocument, *DOCUMENTS.values())
for _document in _holding_steps:
    _document.model_rebuild(_types_namespace={"AnyStepDocument": AnyStepDocument, "Literal": Literal})

__all__ = [
    "DOCUMENTS",
    "KINDS",
    "ActingStep",
    "AnyStepDocument",
    "Step",
    "StepCompiler",
    "StepDocument",
    "StepSequence",
]
