"""A run's trace as sentences. What it has no sentence for is shown as it was written."""

from collections.abc import Callable, Mapping
from typing import Any

from store.queries.runs import TraceLine

Detail = Mapping[str, Any]


def sentence(line: TraceLine) -> str:
    """One line in words, without its values."""
    made = _SENTENCES.get(line.what)
    return made(line.detail) if made else line.what.replace("_", " ").capitalize()


def _answer(detail: Detail) -> str:
    return {"True": "yes", "False": "no"}.get(str(detail.get("answer")), "unknown")


def _decided(detail: Detail) -> str:
    """A condition with its answer; or a value that was worked out."""
    condition, answer = detail.get("condition", "it"), detail.get("answer")
    if answer is None or isinstance(answer, bool) or str(answer) in ("True", "False"):
        return f"Is {condition}? {_answer(detail).capitalize()}"
    return f"Worked out {condition}: {answer}"


def _with_reason(text: str, detail: Detail) -> str:
    return f"{text}: {detail['reason']}" if detail.get("reason") else text


def _word(stored: object) -> str:
    return str(stored).replace("_", " ")


def _awaited(detail: Detail) -> str:
    text = str(detail.get("for_") or detail.get("until") or "something")
    return text.removeprefix("wait for ").removeprefix("wait until ").removeprefix("wait ")


def _act(done: str, verb: str) -> Callable[[Detail], str]:
    """An act's line says what was done, or that it was not and why."""

    def words(detail: Detail) -> str:
        outcome = detail.get("outcome")
        if outcome in ("skipped", "failed"):
            return _with_reason(f"{verb}: {outcome}", detail)
        return done.format_map({"outcome": _word(outcome)})

    return words


_SENTENCES: dict[str, Callable[[Detail], str]] = {
    "task": _act("Gave a task", "Give a task"),
    "remind": _act("Reminded of the task", "Remind of the task"),
    "escalate": _act("Escalated the task", "Escalate the task"),
    "expire": _act("Waited long enough for the task: {outcome}", "Give up waiting for the task"),
    "withdraw": _act("Took back open tasks", "Take back open tasks"),
    "email": _act("Wrote a mail", "Write a mail"),
    "draft": _act("Gave a mail to its reviewer", "Give a mail to its reviewer"),
    "reviewed": lambda detail: f"{detail.get('by') or 'Nobody'} reviewed the mail: {_word(detail.get('outcome'))}",
    "notify": _act("Told colleagues", "Tell colleagues"),
    "webhook": _act("Told another program", "Tell another program"),
    "answer": lambda detail: _with_reason(f"Request {detail.get('outcome', '')}", detail),
    "survey": _act("Put a question", "Put a question"),
    "surveyed": lambda detail: f"Answered with {detail.get('score')}",
    "set": _act("Set fields of the account", "Set fields of the account"),
    "decided": _decided,
    "waits": lambda detail: f"Waits {str(detail.get('for_') or 'for something').removeprefix('wait ')}",
    "came": lambda detail: f"Came: {_awaited(detail)}",
    "timed_out": lambda detail: f"Did not come in time: {_awaited(detail)}",
    "answered": lambda detail: f"{detail.get('by') or 'Nobody'} answered: {_word(detail.get('outcome'))}",
    "mail": lambda detail: _with_reason(f"Mail {detail.get('outcome', '')}", detail),
    "won": lambda detail: f"Branch {detail.get('branch', '')} was first",
    "round": lambda detail: f"Round {detail.get('round')} of {detail.get('at_most')} at most",
    "at_most": lambda detail: f"Went round {detail.get('rounds')} times, which is the most",
    "drawn": lambda detail: f"Drew the arm {detail.get('arm')}",
    "enroll": lambda detail: _with_reason(
        f"{detail.get('playbook', 'Another playbook')}: {_word(detail.get('outcome'))}", detail
    ),
    "stuck": lambda detail: _with_reason(f"Failed in {detail.get('step', 'a step')}", detail),
    "ordered": lambda detail: f"A person said: {detail.get('order', '')}",
    "end": lambda detail: _with_reason("Ended", detail),
}
