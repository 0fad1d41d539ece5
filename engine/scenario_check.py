"""Finds what a scenario says that its playbook and workspace do not know, before it is run."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from engine.catalogue import Field
from engine.document import Document
from engine.durations import parse_duration
from engine.plan import Compiled
from engine.problems import Problem, did_you_mean
from engine.scenarios import MAIL_OUTCOMES, STEP_HAPPENINGS, ScenarioDocument
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
        self._outcomes = dict(_steps(compiled.plan.model_dump(mode="json")["steps"]))

    def scenario(self, at: Path, scenario: ScenarioDocument) -> None:
        if not _FIRST_YEAR <= scenario.start.year <= _LAST_YEAR:
            self._problem(f"{scenario.start} is out of reach", *at, "start", hint="use a year from 1970 to 2200")
        self._values((*at, "account"), scenario.account)
        for role in scenario.contacts:
            if role not in self._roles:
                self._unknown("contact role", role, self._roles, *at, "contacts", role, key=True)
        for day, values in scenario.days.items():
            if self._day((*at, "days", day), day, scenario.until):
                self._values((*at, "days", day), values)
        for day in scenario.events:
            self._day((*at, "events", day), day, scenario.until)
        for step, doing in scenario.people.items():
            self._doing((*at, "people", step), step, doing.model_dump(exclude_none=True))
        for j, expected in enumerate(scenario.expect):
            what, step = expected.what()
            if what in STEP_HAPPENINGS:
                self._step(step, *at, "expect", j, what)
            if expected.day > scenario.until:
                self._problem(
                    f"day {expected.day} is after the last one", *at, "expect", j, "day", hint="raise `until`"
                )
        for j, step in enumerate(scenario.never):
            self._step(step, *at, "never", j)

    def _values(self, at: Path, values: Mapping[str, Any]) -> None:
        for short, value in values.items():
            name = short if "." in short else f"account.{short}"
            found = self._fields.get(name)
            if found is None:
                self._unknown("field", name, tuple(self._fields), *at, short, key=True)
            elif value is not None and (wrong := _misfit(found, value)):
                self._problem(f"{name} {wrong}", *at, short)

    def _day(self, at: Path, day: str, until: int) -> bool:
        if day.isascii() and day.isdigit() and len(day) <= 5 and int(day) <= until:
            return True
        self._problem(f'"{day}" is no day of the scenario', *at, hint=f"days count from 0 to {until}", key=True)
        return False

    def _doing(self, at: Path, step: str, doing: Mapping[str, str]) -> None:
        if not self._step(step, *at, key=True):
            return
        outcomes = self._outcomes[step]
        for key, text in doing.items():
            if key != "outcome":
                self._delay(text, *at, key)
            elif text not in outcomes:
                self._unknown(f"outcome of {step}", text, outcomes, *at, key)

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


def _steps(steps: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The acting steps at any depth of a plan in JSON, with the outcomes that people can bring about."""
    for step in steps:
        if isinstance(step, list):
            yield from _steps(step)
        elif isinstance(step, dict):
            if step.get("kind") in ("email", "task", "set"):
                yield step["id"], MAIL_OUTCOMES if step["kind"] == "email" else tuple(step.get("outcomes", ()))
            yield from _steps(step.values())


def _misfit(field: Field, value: Any) -> str:
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
