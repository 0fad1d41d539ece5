"""Finds what a scenario says that its playbook and workspace do not know, before it is run."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from engine.catalogue import Field
from engine.documents.document import Document
from engine.durations import parse_duration
from engine.outline import outline
from engine.plan import Compiled
from engine.problems import Problem, did_you_mean
from engine.scenarios.document import ACTS, WAITS, EventDocument, ExpectedDocument, SaidOfContact, ScenarioDocument
from engine.scenarios.lots import splits
from engine.steps.base import ActingStep
from engine.steps.survey import SurveyStep
from engine.steps.webhook import WebhookStep
from engine.surveys import SCALES
from engine.workspace import Workspace

Path = tuple[str | int, ...]
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


def scenario_problems(
    document: Document, scenarios: Sequence[ScenarioDocument], compiled: Compiled, workspace: Workspace
) -> tuple[Problem, ...]:
    """Every unknown field, role, step and outcome, and every value and day that cannot be, at its place."""
    check = _Check(document, compiled, workspace)
    for i, scenario in enumerate(scenarios):
        check.scenario(("scenarios", i), scenario)
    return tuple(check.problems)


class _Check:
    def __init__(self, document: Document, compiled: Compiled, workspace: Workspace) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._fields = workspace.catalogue().fields
        self._roles = tuple(workspace.roles.contacts)
        self._events = workspace.catalogue().events
        self._topics = tuple(workspace.mail.all_topics())
        steps = [found.step for found in outline(compiled.plan)]
        self._acting = {step.id: step for step in steps if isinstance(step, ActingStep)}
        self._outcomes = {id_: step.answers() for id_, step in self._acting.items()}
        waits = [step for step in steps if step.family == "wait"]
        self._waits = tuple(step.id for step in waits if step.id)
        self._startable = any(trigger.kind == "manual" for trigger in compiled.triggers)
        self._holds_out = compiled.entry.holdout > 0
        self._arms = {
            id_: tuple(one.arm for one in step.arms if one.weight > 0) for id_, step in splits(compiled).items()
        }
        self._waits_say = (*self._waits, *(step.says() for step in waits))

    def scenario(self, at: Path, scenario: ScenarioDocument) -> None:
        if not _FIRST_YEAR <= scenario.start.year <= _LAST_YEAR:
            self._problem(f"{scenario.start} is out of reach", *at, "start", hint="use a year from 1970 to 2200")
        self._values((*at, "account"), scenario.account)
        self._contacts((*at, "contacts"), scenario.contacts)
        for day, said in scenario.contact_changes.items():
            if self._day((*at, "contact_changes", day), day, scenario.until):
                self._contacts((*at, "contact_changes", day), said)
        for split, arm in scenario.arms.items():
            if split not in self._arms:
                self._unknown("split", split, tuple(self._arms), *at, "arms", split, key=True)
            elif arm not in self._arms[split]:
                self._unknown(f"arm of {split}", arm, self._arms[split], *at, "arms", split)
        if scenario.holdout and not self._holds_out:
            hint = "leave it out, or give the playbook one: entry: { holdout: 10% }"
            self._problem("this playbook has no holdout", *at, "holdout", hint=hint, key=True)
        self._facts(at, scenario)
        self._consent((*at, "consent"), scenario)
        for j, day_by_hand in enumerate(scenario.by_hand):
            self._start_by_hand(day_by_hand, scenario.until, *at, "by_hand", j)
        for step, doing in scenario.people.items():
            self._doing((*at, "people", step), step, doing.model_dump(exclude_none=True))
        for j, expected in enumerate(scenario.expect):
            self._expected((*at, "expect", j), expected, scenario)
        for j, step in enumerate(scenario.never):
            self._step(step, *at, "never", j)

    def _contacts(self, at: Path, said: Mapping[str, SaidOfContact]) -> None:
        for role, one in said.items():
            if role not in self._roles:
                self._unknown("contact role", role, self._roles, *at, role, key=True)
            for i, other in enumerate(() if isinstance(one, bool) else one.also):
                if other not in self._roles:
                    self._unknown("contact role", other, self._roles, *at, role, "also", i)

    def _consent(self, at: Path, scenario: ScenarioDocument) -> None:
        for day, said in scenario.consent.items():
            if not self._day((*at, day), day, scenario.until):
                continue
            for role, wanted in said.items():
                if role not in self._there(scenario):
                    hint = f"contacts: {{ {role}: true }}" if role in self._roles else did_you_mean(role, self._roles)
                    self._problem(f'this account has no contact "{role}"', *at, day, role, hint=hint, key=True)
                elif not wanted or isinstance(wanted, bool):
                    self._leaves_all(wanted, *at, day, role)
                else:
                    for topic in wanted:
                        if topic not in self._topics:
                            self._unknown("topic", topic, self._topics, *at, day, role, topic, key=True)

    @staticmethod
    def _there(scenario: ScenarioDocument) -> set[str]:
        """The roles that somebody has at some time."""
        said = (scenario.contacts, *scenario.contact_changes.values())
        named = [(role, one) for of in said for role, one in of.items() if one]
        others = (one.also for _, one in named if not isinstance(one, bool))
        return {role for role, _ in named}.union(*others)

    def _leaves_all(self, wanted: object, *at: str | int) -> None:
        if wanted is not False:
            hint = f"{at[-1]}: {{ {self._topics[0]}: true }}"
            self._problem("consent is given topic by topic", *at, hint=hint)

    def _facts(self, at: Path, scenario: ScenarioDocument) -> None:
        for day, values in scenario.days.items():
            if self._day((*at, "days", day), day, scenario.until):
                self._values((*at, "days", day), values)
        for day, events in scenario.events.items():
            if self._day((*at, "events", day), day, scenario.until):
                for j, event in enumerate(events):
                    self._event((*at, "events", day, j), event)

    def _start_by_hand(self, day: int, until: int, *at: str | int) -> None:
        if not self._startable:
            self._problem("nobody may start this playbook by hand", *at, hint="add a trigger: manual: true")
        elif not 0 <= day <= until:
            self._problem(f"{day} is no day of the scenario", *at, hint=f"days count from 0 to {until}")

    def _expected(self, at: Path, expected: ExpectedDocument, scenario: ScenarioDocument) -> None:
        what, step = expected.what()
        if what == "held_out" and not scenario.holdout:
            hint = "say `holdout: true` of the scenario's account"
            self._problem("this account is in no holdout", *at, what, hint=hint, key=True)
        if what in (*ACTS, "done"):
            self._step(step, *at, what)
        if what in WAITS and step not in self._waits:
            self._unknown("wait_for with the id", step, self._waits, *at, what)
        if what == "wait" and not any(step in says for says in self._waits_say):
            self._unknown("wait", step, self._waits_say, *at, what)
        if what == "done" and expected.outcome and step in self._outcomes:
            outcomes = (*self._outcomes[step], "expired", "skipped", "failed")
            if expected.outcome.partition(":")[0] not in outcomes:
                self._unknown(f"outcome of {step}", expected.outcome, outcomes, *at, "outcome")
        for key, goes_with in (("outcome", "done"), ("until", "wait"), ("because", "start")):
            if key in expected.model_fields_set and what != goes_with:
                self._problem(f"`{key}` goes with `{goes_with}`", *at, key, hint=f"not with `{what}`")
        if expected.day > scenario.until:
            self._problem(f"day {expected.day} is after the last one", *at, "day", hint="raise `until`")

    def _event(self, at: Path, event: EventDocument) -> None:
        kind = self._events.get(event.type)
        if kind is None:
            self._unknown("event", event.type, tuple(self._events), *at, "type")
            return
        for name, value in event.props.items():
            if kind.props is None:
                continue
            if name not in kind.props:
                self._unknown(f"prop of {event.type}", name, tuple(kind.props), *at, "props", name, key=True)
            elif wrong := misfit(kind.props[name], value):
                self._problem(f"{name} {wrong}", *at, "props", name)

    def _values(self, at: Path, values: Mapping[str, Any]) -> None:
        for short, value in values.items():
            name = short if "." in short else f"account.{short}"
            found = self._fields.get(name)
            if found is None and name.startswith("contact.") and at[-2] == "days":
                role = name.removeprefix("contact.").partition(".")[0]
                hint = f"contact_changes: {{ {at[-1]}: {{ {role}: false }} }}"
                self._problem("contacts are no fields of the account", *at, short, hint=hint, key=True)
            elif found is None:
                self._unknown("field", name, tuple(self._fields), *at, short, key=True)
            elif value is not None and (wrong := misfit(found, value)):
                self._problem(f"{name} {wrong}", *at, short)

    def _day(self, at: Path, day: str, until: int) -> bool:
        if day.isascii() and day.isdigit() and len(day) <= 5 and int(day) <= until:
            return True
        self._problem(f'"{day}" is no day of the scenario', *at, hint=f"days count from 0 to {until}", key=True)
        return False

    def _doing(self, at: Path, step: str, doing: Mapping[str, Any]) -> None:
        if not self._step(step, *at, key=True):
            return
        outcomes, kind = self._outcomes[step], self._acting[step]
        if isinstance(kind, SurveyStep) and ("after" in doing) != ("score" in doing):
            hint = f"{step}: {{ after: 2 days, score: {SCALES[kind.asks].highest} }}"
            self._problem(f"an answer to {step} has `after` and `score`", *at, hint=hint, key=True)
        for key, text in doing.items():
            if key == "score":
                self._score(int(text), kind, *at, key)
            elif key == "status":
                if not isinstance(kind, WebhookStep):
                    self._problem(f"{step} is no webhook", *at, key, hint="leave out `status`")
            elif key != "outcome":
                self._delay(text, *at, key)
            elif text not in outcomes:
                self._unknown(f"outcome of {step}", text, outcomes, *at, key)

    def _score(self, score: int, step: ActingStep, *at: str | int) -> None:
        if not isinstance(step, SurveyStep):
            self._problem(f"{step.id} is no survey", *at, hint="leave out `score`")
        elif score not in SCALES[step.asks].scores:
            scale = SCALES[step.asks]
            self._problem(f"{score} is not on the scale", *at, hint=f"from {scale.lowest} to {scale.highest}")

    def _delay(self, text: str, *at: str | int) -> None:
        try:
            exact = parse_duration(text).exact
        except ValueError as error:
            self._problem(str(error), *at)
            return
        if exact is None:
            self._problem(f"{text!r} depends on the calendar", *at, hint="use minutes, hours, days or weeks")

    def _step(self, step: str, *at: str | int, key: bool = False) -> bool:
        if step in self._outcomes:
            return True
        self._unknown("acting step", step, tuple(self._outcomes), *at, key=key)
        return False

    def _unknown(self, what: str, word: str, known: Sequence[str], *at: str | int, key: bool = False) -> None:
        hint = did_you_mean(word, known) or f"there is no {what} yet"
        self._problem(f'there is no {what} "{word}"', *at, hint=hint, key=key)

    def _problem(self, message: str, *at: str | int, hint: str = "", key: bool = False) -> None:
        spot = self._document.spot(at, key=key)
        self.problems.append(Problem(code="PB331", spot=spot, message=message, hint=hint))


def misfit(field: Field, value: Any) -> str:
    """What is wrong with a value for a field; empty when nothing is."""
    match field.type:
        case "number":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case "bool":
            fits = isinstance(value, bool)
        case "date":
            fits = isinstance(value, str) and _parses(date, value)
        case "instant":
            fits = isinstance(value, str) and _parses(datetime, value)
        case "tags":
            fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
        case _:
            fits = isinstance(value, str)
    if not fits:
        return f"is a {field.type}, and {value!r} is not"
    if field.options and value not in field.options:
        return f"cannot be {value!r}; {did_you_mean(str(value), field.options)}"
    return ""


def _parses(kind: type[date], text: str) -> bool:
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True
