"""Turns a playbook's document into its compiled version, finding every problem on the way.

Knows the workspace, the playbook's mail texts and the playbook's own file; not where they came from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.compile.compiler import Compiler, names_for_texts
from engine.documents.document import empty_keys, load_document, read_leniently
from engine.plan import Compiled
from engine.playbook import PlaybookDocument
from engine.problems import DocumentError, Problem, Spot
from engine.texts.document import MailText
from engine.workspace import Workspace

__all__ = ["Compilation", "compile_playbook", "names_for_texts"]


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """What compiling came to; `compiled` is None when there is an error among the problems."""

    compiled: Compiled | None
    texts: Mapping[str, MailText]
    """The mail texts it sends, by hash."""
    problems: tuple[Problem, ...]
    sure: tuple[str, ...] = ()
    """What its texts may show without asking whether it is known."""
    source: str = ""
    enrolls: tuple[tuple[str, Spot], ...] = ()
    """The playbooks that its steps start, and where; none where its shape is broken, and they may be made up."""


def compile_playbook(
    source: bytes,
    file: str,
    folder: str,
    texts: Mapping[str, MailText],
    workspace: Workspace,
    *,
    today: date | None = None,
) -> Compilation:
    """Compile one playbook.yaml; `folder` is the name of its folder, `texts` its mails by name. With `today`, fixed
    dates that have passed are warned of. Never raises."""
    try:
        document = load_document(source, file)
    except DocumentError as error:
        return Compilation(compiled=None, texts={}, problems=error.problems)
    playbook, document, problems = read_leniently(PlaybookDocument, document, _spare)
    if playbook is None:
        return Compilation(compiled=None, texts={}, problems=problems)
    compiler = Compiler(document, workspace, texts, today)
    compiler.problems += (*problems, *(one for one in empty_keys(document) if ".body." not in one.spot.path))
    compiled = compiler.compile(playbook)
    compiler.problems = [*_but_within(compiler.problems, problems)]
    if playbook.playbook not in (folder, _NAMELESS):
        compiler.problem(
            "PB320", f"the playbook is called {playbook.playbook}, its folder {folder}", "playbook", hint="use one name"
        )
    broken = any(problem.severity == "error" for problem in compiler.problems)
    return Compilation(
        compiled=None if broken else compiled,
        texts={text.hash: text for text in texts.values() if compiled and text.hash in compiled.plan.texts},
        problems=tuple(dict.fromkeys(compiler.problems)),  # a trigger's two conditions may be wrong in the same way
        sure=compiler.sure,
        source=document.text,
        enrolls=() if problems else tuple(compiler.enrolls_of()),
    )


_NAMELESS = "left-out"


def _spare(path: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Any]:
    """What of a playbook to leave out for a look at the rest: a trigger or exit stands for nothing else, the goal is
    whole or nothing, and of steps and the rest the key itself, if it need not be there."""
    match path:
        case ("playbook",):
            return path, _NAMELESS
        case ("triggers", int(), *_):
            return path[:2], {"id": f"left_out_{path[1]}", "manual": True}
        case ("exit", int(), *_):
            return path[:2], {"when": "account.name is known", "reason": "left out"}
        case ("goal", *_):
            return path[:1], None
        # What later steps can read of this one depends on these.
        case ("steps", *_, "id" | "outcomes" | "returns" | "arm" | "kind"):
            return (), None
    return path, None


def _but_within(problems: Sequence[Problem], of_shape: Sequence[Problem]) -> Iterator[Problem]:
    """All but those that only come of what was left out: they stand beside it, or miss what the audience asks for."""
    left_out = [one.spot.path for one in of_shape if one.code != "PB101"]
    beside = tuple(path.rpartition(".")[0] or path for path in left_out)
    for one in problems:
        known = one in of_shape
        there = any(one.spot.path == path or one.spot.path.startswith((f"{path}.", f"{path}[")) for path in beside)
        if known or not (there or (left_out and one.code == "PB360")):
            yield one
