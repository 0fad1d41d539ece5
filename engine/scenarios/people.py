"""The people of a scenario: they do what it says they do, and otherwise nothing."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from engine.durations import parse_duration
from engine.problems import did_you_mean
from engine.scenarios.document import DoingDocument
from engine.steps.email import SEND


class ScenarioPeople:
    """What a scenario says of colleagues and customers; engine.simulation.People."""

    def __init__(self, doings: Mapping[str, DoingDocument]) -> None:
        self._doings = doings

    def task(self, step: str, outcomes: Sequence[str]) -> tuple[timedelta, str] | None:
        doing = self._doings.get(step)
        if doing is None or doing.after is None:
            return None
        outcome = doing.outcome or outcomes[0]
        if SEND in outcomes and outcome not in outcomes and outcome in _SETTLED:
            outcome = SEND
        if outcome not in outcomes:
            raise ValueError(
                f'people.{step}: "{outcome}" is not an outcome of the task; {did_you_mean(outcome, outcomes)}'
            )
        return _exact(doing.after), outcome

    def survey(self, step: str) -> tuple[timedelta, int] | None:
        doing = self._doings.get(step)
        if doing is None or doing.after is None or doing.score is None:
            return None
        return _exact(doing.after), doing.score

    def webhook(self, step: str) -> tuple[str, int | None]:
        doing = self._doings.get(step) or DoingDocument()
        status = doing.status or 200
        outcome = doing.outcome or ("delivered" if status < 300 else "refused")
        return outcome, None if outcome == "unknown" else status

    def mail(self, step: str) -> tuple[str, Sequence[tuple[timedelta, str]]]:
        doing = self._doings.get(step) or DoingDocument()
        events = [(f"email.{name}", getattr(doing, name)) for name in ("opened", "clicked", "replied")]
        # Of a reviewed mail the outcome may be the reviewer's.
        outcome = doing.outcome if doing.outcome in _SETTLED else "sent"
        return outcome, [(_exact(after), event) for event, after in events if after is not None]


_SETTLED = ("skipped", "refused", "unknown")


def _exact(text: str) -> timedelta:
    exact = parse_duration(text).exact
    if exact is None:
        raise ValueError(f"{text!r}: what people do is timed in minutes, hours, days or weeks")
    return exact
