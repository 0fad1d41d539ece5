"""Lays what a scenario expects beside what happened, line by line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from engine.scenarios.document import ACTS, CROSSINGS, ExpectedDocument, ScenarioDocument
from engine.simulation import Happening

Mark = Literal["same", "missing", "different", "unexpected", "beside"]
_FATEFUL = (*CROSSINGS, *ACTS, "end", "dropped")
"""What `exactly` lets nothing else of happen."""


@dataclass(frozen=True, kw_only=True)
class Dated:
    """Something that happened, on its day of the scenario."""

    day: int
    one: Happening
    until: int | None = None
    """Of a wait: the day of its last moment."""

    def words(self) -> str:
        """What, and of which step."""
        if self.one.what == "wait" and self.one.step == "":
            return self.one.says
        return f"{self.one.what} {self.one.step}".rstrip()

    def why(self) -> str:
        if self.one.what == "wait":
            says = self.one.says.removeprefix("wait for ") if self.one.step else ""
            until = "" if self.until is None else f"until day {self.until}"
            return ", ".join(word for word in (says, until) if word)
        return self.one.says


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the comparison."""

    day: int
    mark: Mark
    """beside: it happened, and nothing was said about it."""
    expected: str = ""
    happened: str = ""
    why: str = ""
    problem: str = ""
    """What is wrong, in words; empty for same and beside."""


def dated(happenings: Sequence[Happening], start: date, day_of: Callable[[datetime], date]) -> tuple[Dated, ...]:
    """Each with its day; `day_of` gives the account's date of an instant."""
    return tuple(
        Dated(
            day=(day_of(one.at) - start).days,
            one=one,
            until=None if one.until is None else (day_of(one.until) - start).days,
        )
        for one in happenings
    )


def compare(scenario: ScenarioDocument, happened: Sequence[Dated]) -> tuple[Row, ...]:
    """Every expectation and every happening, by day; a pair that belongs together stands on one line."""
    answers, used = _pairs(scenario.expect, happened)
    rows: list[tuple[int, int, Row]] = []
    for i, expected in enumerate(scenario.expect):
        j = answers.get(i)
        rows.append((expected.day, len(happened) + i if j is None else j, _row(scenario, expected, happened, j)))
    for j, one in enumerate(happened):
        if j not in used:
            rows.append((one.day, j, _alone(scenario, one)))
    return tuple(row for _, _, row in sorted(rows, key=lambda entry: entry[:2]))


def _pairs(expectations: Sequence[ExpectedDocument], happened: Sequence[Dated]) -> tuple[Mapping[int, int], set[int]]:
    """By expectation the happening that answers it, the perfect ones first; and all that are taken."""
    answers: dict[int, int] = {}
    used: set[int] = set()
    for fits in (_is, _nearly):
        for i, expected in enumerate(expectations):
            if i in answers:
                continue
            found = [j for j, one in enumerate(happened) if j not in used and fits(expected, one)]
            if found:
                answers[i] = min(found, key=lambda j: abs(happened[j].day - expected.day))
                used.add(answers[i])
    return answers, used


def _is(expected: ExpectedDocument, one: Dated) -> bool:
    return _nearly(expected, one) and one.day == expected.day and not _wrong_words(expected, one)


def _nearly(expected: ExpectedDocument, one: Dated) -> bool:
    """The same kind of thing of the same step, on whatever day."""
    kind, step = expected.what()
    if one.one.what != kind:
        return False
    if kind == "wait":
        return step == one.one.step or step in one.one.says
    return kind in (*CROSSINGS, "end") or one.one.step == step


def _wrong_words(expected: ExpectedDocument, one: Dated) -> str:
    kind, step = expected.what()
    words = [expected.because, expected.reason, expected.outcome, step if kind in CROSSINGS else ""]
    for word in words:
        if word and word not in one.one.says:
            return f'it says "{one.one.says}", not "{word}"'
    if kind == "end" and one.one.step != step:
        return f"it ends by {one.one.step}, not by {step}"
    if expected.until is not None and expected.until != one.until:
        return f"it waits until day {one.until}, not {expected.until}"
    return ""


def _row(scenario: ScenarioDocument, expected: ExpectedDocument, happened: Sequence[Dated], j: int | None) -> Row:
    words = _expected_words(expected)
    if j is None:
        return Row(day=expected.day, mark="missing", expected=words, problem=f"{words} was expected")
    one = happened[j]
    shown = one.words() if one.day == expected.day else f"day {one.day}: {one.words()}"
    wrong = _wrong_words(expected, one)
    if one.day != expected.day:
        wrong = f"{words} happened on day {one.day}" + (f", and {wrong}" if wrong else "")
    elif wrong:
        wrong = f"{words}: {wrong}"
    elif one.one.what in ACTS and one.one.step in scenario.never:
        wrong = f"{words} must never happen"
    mark: Mark = "different" if wrong else "same"
    return Row(day=expected.day, mark=mark, expected=words, happened=shown, why=one.why(), problem=wrong)


def _expected_words(expected: ExpectedDocument) -> str:
    kind, step = expected.what()
    until = "" if expected.until is None else f" until day {expected.until}"
    outcome = f": {expected.outcome}" if expected.outcome else ""
    return f"{kind} {step}".rstrip() + outcome + until


def _alone(scenario: ScenarioDocument, one: Dated) -> Row:
    problem = ""
    if one.one.what == "stuck":
        problem = f"{one.one.step or one.one.path} is stuck"
    elif one.one.what in ACTS and one.one.step in scenario.never:
        problem = f"{one.words()} must never happen"
    elif scenario.exactly and one.one.what in _FATEFUL:
        problem = f"{one.words()} was not expected"
    mark: Mark = "unexpected" if problem else "beside"
    return Row(day=one.day, mark=mark, happened=one.words(), why=one.why(), problem=problem)
