"""Scenarios: unit tests of a playbook. Given facts on days and what people do, expect these acts on these days.

A day is a local day of the account; its facts are known as it begins. Day 0 is `start`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.calendars import local_date, local_midnight
from engine.document import Document, load_document, read_model
from engine.durations import parse_duration
from engine.plan import Compiled
from engine.problems import DocumentError, Problem, did_you_mean
from engine.simulate import Account, Happening, Simulation
from engine.workspace import Workspace

MAIL_OUTCOMES = ("sent", "skipped", "refused", "unknown")
STEP_HAPPENINGS = ("email", "task", "remind", "escalate", "expire", "set")
"""Expected things whose value is a step."""
_OUTCOMES = ("start", "held", "not_started", "lapsed", "email", "task", "remind", "escalate", "expire", "set", "end")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventDocument(_Document):
    """An event of the account on a day."""

    type: str
    props: dict[str, bool | float | str] = Field(default_factory=dict)


class DoingDocument(_Document):
    """What a person does when asked: a task's outcome after a while, a mail's outcome and events after delays."""

    after: str | None = None
    outcome: str | None = None
    opened: str | None = None
    clicked: str | None = None
    replied: str | None = None


class ExpectedDocument(_Document):
    """One thing expected on a day; the key tells what, its value the step."""

    day: int = Field(ge=0)
    start: bool | None = None
    held: str | None = None
    not_started: str | None = None
    lapsed: str | None = None
    email: str | None = None
    task: str | None = None
    remind: str | None = None
    escalate: str | None = None
    expire: str | None = None
    set_: str | None = Field(None, alias="set")
    end: Literal["goal", "exit", "stop", "end"] | None = None
    because: str = ""
    reason: str = ""

    def what(self) -> tuple[str, str]:
        """The kind of happening, and the step or outcome."""
        for kind in _OUTCOMES:
            value = getattr(self, "set_" if kind == "set" else kind)
            if value is not None:
                return kind, "" if value is True else str(value)
        return "", ""


class ScenarioDocument(_Document):
    """One scenario."""

    name: str
    account: dict[str, Any] = Field(default_factory=dict)
    contacts: dict[str, bool] = Field(default_factory=dict)
    start: date
    days: dict[str, dict[str, Any]] = Field(default_factory=dict)
    events: dict[str, list[EventDocument]] = Field(default_factory=dict)
    people: dict[str, DoingDocument] = Field(default_factory=dict)
    until: int = Field(gt=0, le=2000)
    expect: list[ExpectedDocument] = Field(default_factory=list)
    never: list[str] = Field(default_factory=list)


class ScenariosDocument(_Document):
    """A scenarios.yaml."""

    scenarios: list[ScenarioDocument] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a scenario went: `failures` in words, and everything that happened, by day."""

    name: str
    failures: tuple[str, ...]
    happened: tuple[tuple[int, Happening], ...]


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
            hint = f"one of {', '.join(_OUTCOMES)}"
            problems.append(Problem(code="PB330", spot=spot, message="nothing is expected here", hint=hint))
    return problems


class _People:
    def __init__(self, doings: Mapping[str, DoingDocument]) -> None:
        self._doings = doings

    def task(self, step: str, outcomes: Sequence[str]) -> tuple[timedelta, str] | None:
        doing = self._doings.get(step)
        if doing is None or doing.after is None:
            return None
        outcome = doing.outcome or outcomes[0]
        if outcome not in outcomes:
            raise ValueError(
                f'people.{step}: "{outcome}" is not an outcome of the task; {did_you_mean(outcome, outcomes)}'
            )
        return _exact(doing.after), outcome

    def mail(self, step: str) -> tuple[str, Sequence[tuple[timedelta, str]]]:
        doing = self._doings.get(step) or DoingDocument()
        events = [(f"email.{name}", getattr(doing, name)) for name in ("opened", "clicked", "replied")]
        return doing.outcome or "sent", [(_exact(after), event) for event, after in events if after is not None]


def run_scenario(scenario: ScenarioDocument, compiled: Compiled, workspace: Workspace) -> Result:
    """Simulate a scenario day by day and compare."""
    simulation = simulate_scenario(scenario, [compiled], workspace)
    zone = simulation.account.place.zone
    happened = tuple(((local_date(one.at, zone) - scenario.start).days, one) for one in simulation.happenings)
    return Result(name=scenario.name, failures=tuple(_failures(scenario, happened)), happened=happened)


def simulate_scenario(scenario: ScenarioDocument, playbooks: Sequence[Compiled], workspace: Workspace) -> Simulation:
    """The simulation of a scenario, run to its last day."""
    contacts = [role for role, there in scenario.contacts.items() if there]
    account = Account(workspace, contacts)
    simulation = Simulation(playbooks, account, _People(scenario.people))
    fields = _typed(workspace, {"lifecycle": "live", **scenario.account})
    zone = fields.get("account.zone") or workspace.zone
    account.learn(fields)
    days = {int(day): _typed(workspace, values) for day, values in scenario.days.items()}
    for day in range(scenario.until + 1):
        at = local_midnight(scenario.start + timedelta(days=day), zone)
        simulation.at(at, lambda _now, day=day: account.learn(days.get(day, {})))  # type: ignore[misc]
        for event in scenario.events.get(str(day), ()):
            simulation.at(at, lambda now, event=event: simulation.happened(event.type, now, event.props))  # type: ignore[misc]
    simulation.advance(local_midnight(scenario.start + timedelta(days=scenario.until + 1), zone) - timedelta(seconds=1))
    return simulation


def _typed(workspace: Workspace, values: Mapping[str, Any]) -> dict[str, Any]:
    """Full names and typed values; bare names are the account's."""
    catalogue = workspace.catalogue()
    typed: dict[str, Any] = {}
    for short, value in values.items():
        name = short if "." in short else f"account.{short}"
        found = catalogue.field(name)
        if found is None:
            raise ValueError(f"there is no field {name}; {did_you_mean(name, catalogue.fields)}")
        typed[name] = _value(value, found.type)
    return typed


def _value(value: Any, type_: str) -> Any:
    match type_, value:
        case "date", str():
            return date.fromisoformat(value)
        case "instant", str():
            return datetime.fromisoformat(value)
        case "number", int():
            return float(value)
    return value


def _exact(text: str) -> timedelta:
    exact = parse_duration(text).exact
    if exact is None:
        raise ValueError(f"{text!r}: what people do is timed in minutes, hours, days or weeks")
    return exact


def _failures(scenario: ScenarioDocument, happened: Sequence[tuple[int, Happening]]) -> list[str]:
    failures = [_missing(expected, happened) for expected in scenario.expect]
    failures += [
        f"day {day}: {one.what} {one.step} must never happen" for day, one in happened if one.step in scenario.never
    ]
    failures += [f"day {day}: {one.step} is stuck" for day, one in happened if one.what == "stuck"]
    return [failure for failure in failures if failure]


def _missing(expected: ExpectedDocument, happened: Sequence[tuple[int, Happening]]) -> str:
    kind, step = expected.what()
    alike = [(day, one) for day, one in happened if one.what == kind]
    same = [(day, one) for day, one in alike if kind in _WITHOUT_STEP or one.step == step]
    words = [word for word in (expected.because, expected.reason, step if kind in _WITHOUT_STEP else "") if word]
    for day, one in same:
        if day == expected.day and all(word in one.says for word in words):
            return ""
    wanted = f"day {expected.day}: expected {kind} {step}".rstrip() + (f" ({', '.join(words)})" if words else "")
    found = "; ".join(f"day {day}: {one.what} {one.step} {one.says}".rstrip() for day, one in same or alike)
    return f"{wanted}; found {found or 'none'}"


_WITHOUT_STEP = ("start", "held", "not_started", "lapsed")
