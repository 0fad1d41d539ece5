"""What the studio's pages show of a playbook beyond its rows: its picture with a funnel, its source with problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import sqlalchemy as sa
from markupsafe import Markup

from engine.compile import compile_playbook
from engine.graph import Mark, marked, picture
from engine.graph.svg import to_svg
from engine.graph.tree import plainly
from engine.outline import outline
from engine.plan import Compiled
from engine.problems import Problem
from store.deployed import NothingDeployed, load_compiled, load_workspace
from store.queries.funnel import AtStep, Funnel
from store.queries.playbooks import Source, texts_of

Side = Literal["same", "old", "new", "gap"]
_AROUND = 3
"""Lines shown before and after a change."""


def drawn(compiled: Compiled, found: Funnel) -> Markup:
    """The picture of a version with what became of its runs at each step."""
    marks = {path: _marks(step) for path, step in found.steps.items()}
    return Markup(to_svg(marked(picture(compiled), marks)))  # noqa: S704 - it escapes every text it is given


def _marks(step: AtStep) -> Sequence[Mark]:
    marks = (
        Mark(says=f"{step.failed:,} failed", tone="bad") if step.failed else None,
        Mark(says=f"{step.waiting:,} waiting", tone="live") if step.waiting else None,
        Mark(says=f"{step.done:,} done", tone="good") if step.done else None,
        Mark(says=f"{step.skipped:,} skipped", tone="quiet") if step.skipped else None,
    )
    return tuple(mark for mark in marks if mark)


def step_names(conn: sa.Connection, playbook: str, version: int) -> Mapping[str, str]:
    """What each step of a version does, in a few words, by its path; nothing for a version that is not there."""
    try:
        plan = load_compiled(conn, playbook, version).plan
    except NothingDeployed:
        return {}
    return {found.path: plainly(found.step.says()) for found in outline(plan)}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the source with what is wrong there."""

    number: int
    text: str
    problems: tuple[Problem, ...] = ()


def checked(conn: sa.Connection, name: str, source: Source) -> tuple[Sequence[Line], Sequence[Problem]]:
    """The source of a version line by line, as the workspace of today judges it; and all problems."""
    texts, workspace = texts_of(conn, source.compiled), load_workspace(conn)
    compilation = compile_playbook(source.text.encode(), "playbook.yaml", name, texts, workspace)
    by_line: dict[int, list[Problem]] = {}
    for problem in compilation.problems:
        by_line.setdefault(problem.spot.line, []).append(problem)
    lines = [
        Line(number=number, text=text, problems=tuple(by_line.get(number, ())))
        for number, text in enumerate(source.text.splitlines(), 1)
    ]
    return lines, compilation.problems


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A line of one text, of the other, or of both; a gap stands for lines that are the same."""

    side: Side
    text: str = ""
    old: int | None = None
    new: int | None = None


def compared(before: str, after: str) -> Sequence[Difference]:
    """Two sources line by line, with a little of what is around each change; nothing where they are the same."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[Difference] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND):
        if lines or group[0][1]:
            lines.append(Difference(side="gap"))
        for what, old_from, old_to, new_from, new_to in group:
            if what == "equal":
                lines += [
                    Difference(side="same", text=old[i], old=i + 1, new=new_from + i - old_from + 1)
                    for i in range(old_from, old_to)
                ]
                continue
            lines += [Difference(side="old", text=old[i], old=i + 1) for i in range(old_from, old_to)]
            lines += [Difference(side="new", text=new[i], new=i + 1) for i in range(new_from, new_to)]
    return lines


SAID: Mapping[str, str] = {
    "pause": "Paused. Nothing starts and nothing is sent; goals, exits and waits go on.",
    "resume": "Active again. What came due meanwhile is done now.",
    "off": "Switched off. Its open runs are told to end.",
    "rollback": "Rolled back. New runs start on that version; open runs keep theirs.",
    "retry": "The run is told to try its failed step again.",
    "skip": "The run is told to go on without its failed step.",
    "end": "The run is told to end.",
    "mail_cancel": "Cancelled. The mail never leaves, and its run goes on.",
    "mail_resend": "The mail is sent once more, with the same message id.",
    "mail_sent": "Noted: the mail was sent.",
    "mail_refused": "Noted: the mail was not sent.",
    "errand_delivered": "Noted: the request arrived.",
    "errand_refused": "Noted: the request did not arrive.",
    "starts_some": "The first of them may start at the next sweep; the others wait.",
    "starts_all": "They may start at the next sweep, if their conditions still hold.",
    "starts_none": "None of them starts, until their trigger fires anew.",
    "facts_release": "Taken in.",
    "facts_drop": "Left out for good. Told again, it stays out.",
    "stays": "Some of it still cannot come in; the reason is beside it.",
    "repeated": "That was said already; the run has not heard it yet.",
    "nothing": "Nothing to do: it was so already.",
}
"""What a page says after a form, by the word in its address."""
