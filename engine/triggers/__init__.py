"""What starts a playbook. To add a kind: a file with its document and its compiler, and a line in the table below."""

from typing import Annotated

from pydantic import Field

from engine.documents.kinds import union_by_key
from engine.triggers.base import (
    AnyTrigger,
    Edge,
    Manual,
    Moment,
    Occurrence,
    Schedule,
    TriggerCompiler,
    TriggerDocument,
)
from engine.triggers.becomes import BecomesDocument
from engine.triggers.date import DateDocument
from engine.triggers.event import EventDocument
from engine.triggers.manual import ManualDocument
from engine.triggers.schedule import ScheduleDocument
from engine.triggers.threshold import MetricDocument, ScoreDocument

Trigger = Annotated[AnyTrigger, Field(discriminator="kind")]

DOCUMENTS: dict[str, type[TriggerDocument]] = {
    "score": ScoreDocument,
    "metric": MetricDocument,
    "date": DateDocument,
    "becomes": BecomesDocument,
    "schedule": ScheduleDocument,
    "event": EventDocument,
    "manual": ManualDocument,
}
"""The key that tells a trigger's kind, and its document."""

AnyTriggerDocument = union_by_key("AnyTriggerDocument", DOCUMENTS, "a trigger", beside=("id", "for"))

__all__ = [
    "DOCUMENTS",
    "AnyTriggerDocument",
    "Edge",
    "Manual",
    "Moment",
    "Occurrence",
    "Schedule",
    "Trigger",
    "TriggerCompiler",
    "TriggerDocument",
]
