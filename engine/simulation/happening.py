"""What is said of all that happens in a simulation: acts, answers, waits, decisions, starts and ends, in order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.turns.runtime import Act, Entry, Receipt, Standing, Values


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that happened."""

    at: datetime
    what: str
    """start | held_out | held | lapsed | dropped | not_started: of a crossing; a verb such as email or task: of an act;
    done: somebody answered, or a mail was settled; wait | came | timed_out: of a wait; decided: of a branch;
    end; stuck"""
    step: str = ""
    """The step's id, where it has one; of an end its outcome."""
    says: str = ""
    """Why, or with what result."""
    run: int = 0
    playbook: str = ""
    triggers: tuple[str, ...] = ()
    """Of a crossing: what fired."""
    path: str = ""
    until: datetime | None = None
    """Of a wait: its last moment."""
    values: Values = field(default_factory=dict)
    """Of a decision: what it read. Of an act: what was asked for."""


def of_act(act: Act, receipt: Receipt, at: datetime, run: int) -> Happening:
    """An act that was performed, or that came to nothing."""
    if act.verb == "end":
        outcome, reason = act.params["outcome"], act.params["reason"]
        return Happening(at=at, what="end", step=outcome, says=reason, run=run)
    if act.verb == "enroll":
        outcome = str(receipt.values.get("outcome", receipt.outcome))
        says = ": ".join(word for word in (f"{act.params['playbook']} {outcome}", receipt.reason) if word)
        return Happening(at=at, what="enroll", step=act.step, says=says, run=run, path=act.path, values=act.params)
    if receipt.outcome == "done":
        return Happening(at=at, what=act.verb, step=act.step, run=run, path=act.path, values=act.params)
    words = f"{receipt.outcome}: {receipt.reason}" if receipt.reason else receipt.outcome
    return Happening(at=at, what="done", step=act.step, says=words, run=run, path=act.path)


def of_entry(entry: Entry, run: int) -> Happening | None:
    """A line of a run's trace; None for one that tells nothing a reader would miss."""
    say = _SAYS.get(entry.what, _details)
    found = None if say is None else say(entry.detail)
    if found is None:
        return None
    what, says = found
    values = entry.detail.get("values", {})
    step = str(entry.detail.get("step") or "")
    return Happening(
        at=entry.at, what=what or entry.what, step=step, says=says, run=run, path=entry.path, values=values
    )


def of_standing(standing: Standing, at: datetime, run: int) -> Happening:
    """A branch that begins to wait."""
    says = standing.says
    return Happening(
        at=at, what="wait", step=standing.step, says=says, run=run, path=standing.path, until=standing.until
    )


_Said = tuple[str, str] | None


def _decided(detail: Mapping[str, Any]) -> _Said:
    answer = detail["answer"]
    words = {True: "yes", False: "no", None: "unknown"}.get(answer, answer) if _plain(answer) else answer
    return "decided", f"{detail['condition']}: {words}"


def _plain(answer: Any) -> bool:
    return answer is None or isinstance(answer, bool)


def _answered(detail: Mapping[str, Any]) -> _Said:
    return "done", str(detail["outcome"])


def _mail(detail: Mapping[str, Any]) -> _Said:
    reason = detail.get("reason")
    return "done", f"{detail['outcome']}: {reason}" if reason else str(detail["outcome"])


def _waited(detail: Mapping[str, Any]) -> _Said:
    return "", str(detail.get("for_") or detail.get("until") or "").removeprefix("wait for ").removeprefix("wait ")


def _details(detail: Mapping[str, Any]) -> _Said:
    """A kind of line that needs no words of its own."""
    left = {name: value for name, value in detail.items() if name not in ("step", "values") and value not in (None, "")}
    return "", ", ".join(f"{name.rstrip('_')} {value}" for name, value in left.items())


_SAYS: Mapping[str, Callable[[Mapping[str, Any]], _Said] | None] = {
    "decided": _decided,
    "answered": _answered,
    "mail": _mail,
    "came": _waited,
    "timed_out": _waited,
    "waits": None,  # where a branch stands tells it
}
