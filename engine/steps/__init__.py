"""What a playbook can do. To add a step: a file with its document, its value and its walk, and a line in each table."""

from typing import Literal

from engine.documents.kinds import union_by_key
from engine.steps.base import ActingStep, Step, StepCompiler, StepDocument, StepSequence
from engine.steps.email import EmailDocument, EmailStep
from engine.steps.end import EndDocument, EndStep
from engine.steps.enroll import EnrollDocument, EnrollStep
from engine.steps.if_ import IfDocument, IfStep
from engine.steps.notify import NotifyDocument, NotifyStep
from engine.steps.parallel import ParallelDocument, ParallelStep
from engine.steps.repeat import RepeatDocument, RepeatStep
from engine.steps.set_ import SetDocument, SetStep
from engine.steps.split import SplitDocument, SplitStep
from engine.steps.survey import SurveyDocument, SurveyStep
from engine.steps.switch import SwitchDocument, SwitchStep
from engine.steps.task import TaskDocument, TaskStep
from engine.steps.wait import WaitDocument, WaitStep
from engine.steps.wait_for import WaitForDocument, WaitForStep
from engine.steps.webhook import WebhookDocument, WebhookStep

DOCUMENTS: dict[str, type[StepDocument]] = {
    "email": EmailDocument,
    "task": TaskDocument,
    "notify": NotifyDocument,
    "webhook": WebhookDocument,
    "survey": SurveyDocument,
    "wait": WaitDocument,
    "wait_for": WaitForDocument,
    "if": IfDocument,
    "switch": SwitchDocument,
    "repeat": RepeatDocument,
    "split": SplitDocument,
    "parallel": ParallelDocument,
    "enroll": EnrollDocument,
    "set": SetDocument,
    "end": EndDocument,
}
"""The key that tells a step's kind, and its document."""

KINDS: dict[str, type[Step]] = {
    "email": EmailStep,
    "task": TaskStep,
    "notify": NotifyStep,
    "webhook": WebhookStep,
    "survey": SurveyStep,
    "wait": WaitStep,
    "wait_for": WaitForStep,
    "if": IfStep,
    "switch": SwitchStep,
    "repeat": RepeatStep,
    "split": SplitStep,
    "parallel": ParallelStep,
    "enroll": EnrollStep,
    "set": SetStep,
    "end": EndStep,
}
"""The compiled steps, as plans keep them."""

AnyStepDocument = union_by_key(
    "AnyStepDocument", DOCUMENTS, "a step", beside=("id", "on_error", "then", "else", "on_timeout", "default")
)

NAMES = {"AnyStepDocument": AnyStepDocument, "Literal": Literal}
"""What the steps that hold steps could not import, for whoever builds a model of them."""

__all__ = [
    "DOCUMENTS",
    "KINDS",
    "NAMES",
    "ActingStep",
    "AnyStepDocument",
    "Step",
    "StepCompiler",
    "StepDocument",
    "StepSequence",
]
