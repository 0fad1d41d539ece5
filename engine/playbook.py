"""The playbook as its author writes it: shape only; what it means is engine.compile's business."""

from typing import Any, Literal

from pydantic import Field

from engine.documents.shape import Shape
from engine.documents.wording import ConditionText, DurationWords, Share
from engine.mail.doubts import OnUnknown
from engine.steps import NAMES, AnyStepDocument
from engine.triggers import AnyTriggerDocument
from engine.turns.endings import ENDINGS, Outcome

Fate = Literal["withdraw", "leave"]


class EntryDocument(Shape):
    """Who may start, how often, and what becomes of a crossing that may not start now."""

    existing: Literal["ignore", "include"] = Field(
        "ignore", description="accounts for which a trigger is true at first sight: ignore, or include (they start)"
    )
    again_after: DurationWords | None = Field(None, description="cool-down, counted from the end of the last run")
    key: str | None = Field(
        None, description="a field that tells one enrolment from the next, such as account.renewal_date"
    )
    term: DurationWords = Field(
        "30 days", description="a key date that moves by no more than this means the same enrolment"
    )
    exclusive: str | None = Field(None, description="a group: one run per group and account, over all playbooks")
    on_conflict: Literal["wait", "skip", "replace"] = Field("wait", description="when another run holds the group")
    held: Literal["start_when_free", "drop"] = Field("start_when_free", description="a crossing that may not start now")
    already_running: Literal["skip", "restart", "queue"] = Field(
        "skip", description="a crossing while the same is running: not started, in its place, or after it"
    )
    at_most: str | None = Field(
        None, description="how many accounts start at most, such as 50 per day; the others wait their turn"
    )
    holdout: Share | None = Field(
        None, description="a share of the accounts that is recorded and never started, such as 10%"
    )


class GoalDocument(Shape):
    """What the playbook is for; reached, the run ends as a success."""

    when: ConditionText = Field(description="a condition over facts of the account")
    for_: DurationWords | None = Field(None, alias="for", description="the condition must hold this long")


class ExitDocument(Shape):
    """Another reason to stop."""

    when: ConditionText = Field(description="a condition over facts of the account")
    reason: str = Field(min_length=1, max_length=200, description="why the run ended, as its trace tells it")


class OpenTasksDocument(Shape):
    """What becomes of open tasks, by the way the run ends."""

    goal: Fate = Field("withdraw", description="the goal was reached")
    exit: Fate = Field("withdraw", description="an exit came true")
    stop: Fate = Field("withdraw", description="somebody ended it, it grew too old, or another took its place")
    end: Fate = Field("leave", description="it came to its end")


class OnEndDocument(Shape):
    """What becomes of what is still open when a run is over. Mail that has not left never does."""

    open_tasks: OpenTasksDocument = Field(
        default_factory=OpenTasksDocument, description="withdraw or leave, by goal, exit, stop and end"
    )

    def withdraws_on(self) -> tuple[Outcome, ...]:
        """The endings on which open tasks are withdrawn."""
        return tuple(ending for ending in ENDINGS if getattr(self.open_tasks, ending) == "withdraw")


class PlaybookDocument(Shape):
    """A playbook.yaml."""

    playbook: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$", description="the id: lower-case words with hyphens")
    title: str = Field(min_length=1, max_length=200, description="what people call it")
    description: str = Field("", description="what it is for, in a few words")
    owner: str = Field("", description="who to ask")
    priority: int = Field(50, ge=0, le=100, description="who wins when two playbooks want the same account")
    audience: ConditionText | None = Field(None, description="who it is for; must hold when a trigger fires")
    triggers: list[AnyTriggerDocument] = Field(min_length=1, max_length=20, description="what starts it: any of them")
    entry: EntryDocument = Field(default_factory=EntryDocument, description="who may start, and how often")
    goal: GoalDocument | None = Field(None, description="what it is for; reached, the run ends as a success")
    exit: list[ExitDocument] = Field(default_factory=list, max_length=20, description="other reasons to stop")
    on_end: OnEndDocument = Field(default_factory=OnEndDocument, description="what becomes of what is still open")
    pause: Literal["hold", "extend"] = Field(
        "hold", description="what became due in a pause acts on resume; or waits are extended by it"
    )
    max_age: DurationWords = Field("400 days", description="a run is stopped when it gets older")
    unknown_mail: OnUnknown | None = Field(
        None,
        description="a mail that may or may not have left: `ask` a person, or `resend_once`; default: tenure.yaml's",
    )
    steps: list[AnyStepDocument] = Field(min_length=1, max_length=200, description="what to do, one after the other")

    @classmethod
    def model_rebuild(cls, *, _types_namespace: Any = None, **how: Any) -> bool | None:
        """Builds this and all steps at once, when first needed: one by one, each that holds steps would build all."""
        return super().model_rebuild(_types_namespace=_types_namespace or NAMES, **how)
