"""What an author writes in scenarios.yaml.

A day is a local day of the account; its facts are known as it begins. Day 0 is `start`.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from engine.documents.document import Document, load_document, read_model
from engine.documents.scalars import Locale, Zone
from engine.documents.shape import Shape
from engine.documents.wording import DurationWords
from engine.problems import DocumentError, Problem

ACTS = ("email", "draft", "task", "notify", "webhook", "survey", "set", "enroll", "remind", "escalate", "expire")
"""Expected acts; the value is a step that acts."""
CROSSINGS = ("start", "held_out", "held", "not_started", "lapsed")
WAITS = ("came", "timed_out")
"""Expected of a `wait_for`; the value is its id."""
KINDS = (*CROSSINGS, *ACTS, "done", "wait", *WAITS, "end")
"""Everything that can be expected, in the order in which it is offered."""


class EventDocument(Shape):
    """An event of the account on a day."""

    type: str = Field(description="an event of tenure.yaml")
    props: dict[str, bool | float | str] = Field(default_factory=dict, description="prop: value")


class ContactDocument(Shape):
    """A contact of whom there is more to say than that they are there."""

    also: list[str] = Field(default_factory=list, description="further roles of the same person")
    locale: Locale | None = Field(None, description="the language they read, such as de; default: the account's")
    zone: Zone | None = Field(None, description="where they are, such as Asia/Tokyo; default: the account's zone")
    email: bool = Field(True, description="false: no mail address is known")
    do_not_contact: bool = Field(False, description="true: they are not to be written to")


SaidOfContact = bool | ContactDocument


class DoingDocument(Shape):
    """What a person does when asked: a task's or review's outcome after a while, a mail's outcome and events after
    delays, the score of a survey; and what another program answers."""

    after: DurationWords | None = Field(None, description="how long they take; without it they never answer")
    outcome: str | None = Field(None, description="the outcome they choose; default: the first")
    opened: DurationWords | None = Field(None, description="how long after the mail it is opened")
    clicked: DurationWords | None = Field(None, description="how long after the mail a link is clicked")
    replied: DurationWords | None = Field(None, description="how long after the mail it is answered")
    score: int | None = Field(None, ge=0, le=10, description="what they answer to a survey, `after` its mail")
    status: int | None = Field(None, ge=100, le=599, description="what a webhook's receiver answers")


class ExpectedDocument(Shape):
    """One thing expected on a day; the key tells what, its value the step."""

    day: int = Field(ge=0, description="day of the scenario; 0 is `start`")
    start: bool | None = Field(None, description="the playbook starts; `because` tells why")
    held_out: str | None = Field(
        None, description="the account is in the holdout: recorded, never started; words of the reason"
    )
    held: str | None = Field(None, description="a crossing is held; words of its reason")
    not_started: str | None = Field(None, description="a crossing starts nothing; words of its reason")
    lapsed: str | None = Field(None, description="a held crossing lapses; words of its reason")
    email: str | None = Field(None, description="the mail of this step is queued")
    draft: str | None = Field(None, description="the mail of this step is given to its reviewer")
    task: str | None = Field(None, description="the task of this step is given")
    notify: str | None = Field(None, description="colleagues are told by this step")
    webhook: str | None = Field(None, description="another program is told by this step")
    survey: str | None = Field(None, description="the question of this step is put")
    set_: str | None = Field(None, alias="set", description="fields are written by this step")
    enroll: str | None = Field(None, description="another playbook is started by this step")
    remind: str | None = Field(None, description="the assignee of this task is reminded")
    escalate: str | None = Field(None, description="this task is escalated")
    expire: str | None = Field(None, description="this task is given up")
    done: str | None = Field(None, description="this task is answered or this mail settled, with `outcome`")
    wait: str | None = Field(None, description="a wait begins: its id, or words such as 14 days")
    came: str | None = Field(None, description="what this `wait_for` waits for came")
    timed_out: str | None = Field(None, description="what this `wait_for` waits for did not come in time")
    end: Literal["goal", "exit", "stop", "end"] | None = Field(None, description="the run ends; `reason` tells why")
    because: str = Field("", description="words of the reason of a start")
    reason: str = Field("", description="words of the reason of anything")
    outcome: str = Field("", description="with `done`: the outcome")
    until: int | None = Field(None, description="with `wait`: the day on which it ends at the latest")

    def what(self) -> tuple[str, str]:
        """The kind of happening, and the step or outcome."""
        for kind in KINDS:
            value = getattr(self, "set_" if kind == "set" else kind)
            if value is not None:
                return kind, "" if value is True else str(value)
        return "", ""


class ScenarioDocument(Shape):
    """One scenario."""

    name: str = Field(description="what it shows, as a sentence")
    account: dict[str, Any] = Field(default_factory=dict, description="fields of the account on day 0, in short names")
    contacts: dict[str, SaidOfContact] = Field(
        default_factory=dict, description="ROLE: whether there is such a contact, or what is known of them"
    )
    contact_changes: dict[str, dict[str, SaidOfContact]] = Field(
        default_factory=dict,
        description="DAY: { ROLE: … }, as it begins: `false` has left, `true` is somebody new, or what is known now",
    )
    consent: dict[str, dict[str, dict[str, bool] | bool]] = Field(
        default_factory=dict,
        description="DAY: { ROLE: { TOPIC: whether they want it } }, as it begins; `ROLE: false` leaves all mail",
    )
    arms: dict[str, str] = Field(default_factory=dict, description="SPLIT: the arm that the account draws")
    holdout: bool = Field(False, description="true: the account is one that the playbook holds out")
    start: date = Field(description="day 0, such as 2026-03-02")
    days: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="DAY: the facts that are known as it begins, by full name"
    )
    events: dict[str, list[EventDocument]] = Field(default_factory=dict, description="DAY: what happens on it")
    by_hand: list[int] = Field(
        default_factory=list, description="days on whose morning, at nine, a person starts the playbook"
    )
    people: dict[str, DoingDocument] = Field(default_factory=dict, description="STEP: what people do when asked")
    until: int = Field(gt=0, le=2000, description="the last day")
    expect: list[ExpectedDocument] = Field(default_factory=list, description="what must happen, and on which day")
    exactly: bool = Field(False, description="true: no other start, act or end may happen than those expected")
    never: list[str] = Field(default_factory=list, description="steps that must not act")


class ScenariosDocument(Shape):
    """A scenarios.yaml."""

    scenarios: list[ScenarioDocument] = Field(min_length=1, description="the tests of the playbook beside them")


def load_scenarios(content: bytes, file: str) -> tuple[ScenarioDocument, ...]:
    """The scenarios of a file; DocumentError with all problems of their shape."""
    return read_scenarios(load_document(content, file))


def read_scenarios(document: Document) -> tuple[ScenarioDocument, ...]:
    """The same from a document that was read already."""
    scenarios = tuple(read_model(ScenariosDocument, document).scenarios)
    problems = [problem for i, one in enumerate(scenarios) for problem in _unclear(document, i, one)]
    if problems:
        raise DocumentError(problems)
    return scenarios


def _unclear(document: Document, i: int, scenario: ScenarioDocument) -> list[Problem]:
    problems = []
    for j, expected in enumerate(scenario.expect):
        if expected.what() == ("", ""):
            spot = document.spot(("scenarios", i, "expect", j))
            hint = f"one of {', '.join(KINDS)}"
            problems.append(Problem(code="PB330", spot=spot, message="nothing is expected here", hint=hint))
    return problems
