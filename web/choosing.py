"""The page that asks the one thing more that doing something to several tasks needs: to whom, or how they went."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from starlette.responses import Response

from store.queries.names import people
from store.queries.tasks import TaskRow
from web.pages import Frame, render


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was begun: where the answer goes, and what it carries."""

    action: str
    carried: Sequence[tuple[str, Any]]
    back: str
    tasks: Sequence[TaskRow]


def ask_to_whom(conn: sa.Connection, around: Frame, asked: Asked) -> Response:
    """Everybody but whose they are already."""
    whose = {task.assignee for task in asked.tasks}
    others = [one for one in people(conn) if whose != {one.key}]
    return _page(around, asked, "Hand on to whom?", "Hand on", people=others, outcomes=())


def ask_how(around: Frame, asked: Asked, outcomes: Sequence[str]) -> Response:
    """One of the outcomes that all of them have."""
    return _page(around, asked, "Complete them all", "Complete", people=(), outcomes=outcomes)


def shared_outcomes(tasks: Sequence[TaskRow]) -> tuple[str, ...]:
    """What every one of them may be answered with, in the order of the first."""
    first = tasks[0].outcomes if tasks else ()
    return tuple(one for one in first if all(one in task.outcomes for task in tasks))


def _page(around: Frame, asked: Asked, title: str, verb: str, **choices: Any) -> Response:
    return render("choose.html", {"title": title, "verb": verb, **vars(asked), **choices}, around)
