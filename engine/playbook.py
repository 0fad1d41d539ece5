"""The playbook as its author writes it: shape only; what it means is engine.compile's business."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.steps import AnyStepDocument
from engine.triggers import AnyTriggerDocument


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EntryDocument(_Document):
    """Who may start, how often, and what becomes of a crossing that may not start now."""

    existing: Literal["ignore", "include"] = Field(
        "ignore", description="accounts for which a trigger is true at first sight"
    )
    again_after: str | None = Field(None, description="cool-down, counted from the end of the last run")
    key: str | None = Field(
        None, description="a field that tells one enrolment from the next, such as account.renewal_date"
    )
    term: str = Field("30 days", description="a key date that moves by no more than this means the same enrolment")
    exclusive: str | None = Field(None, description="a group: one run per group and account, over all playbooks")
    on_conflict: Literal["wait", "skip", "replace"] = Field("wait", description="when another run holds the group")
    held: Literal["start_when_free", "drop"] = Field("start_when_free", description="a crossing that may not start now")


class GoalDocument(_Document):
    """What the playbook is for; reached, the run ends as a success."""

    when: str
    for_: str | None = Field(None, alias="for", description="the condition must hold this long")


class ExitDocument(_Document):
    """Another reason to stop."""

    when: str
    reason: str = Field(min_length=1, max_length=200)


class PlaybookDocument(_Document):
    """A playbook.yaml."""

    playbook: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$", description="the id: lower-case words with hyphens")
    title: str = Field(min_length=1, max_length=200)
    description: str = ""
    owner: str = Field("", description="who to ask")
    priority: int = Field(50, ge=0, le=100, description="who wins when two playbooks want the same account")
    audience: str | None = Field(None, description="who it is for; must hold when a trigger fires")
    triggers: list[AnyTriggerDocument] = Field(min_length=1, max_length=20)
    entry: EntryDocument = EntryDocument()
    goal: GoalDocument | None = None
    exit: list[ExitDocument] = Field(default_factory=list, max_length=20)
    open_tasks: Literal["withdraw", "leave"] = Field("withdraw", description="open tasks on goal, exit and stop")
    max_age: str = Field("400 days", description="a run is stopped when it gets older")
    steps: list[AnyStepDocument] = Field(min_length=1, max_length=200)
