"""How the inbox is shown: the filters that its address keeps, and the page with its list and one open task."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from starlette.responses import Response

from store.access.viewer import Viewer
from store.inbox import tasks
from store.queries.inbox import VIEWS, Asked, InboxView, Today, read_inbox
from store.queries.names import people
from store.queries.task_detail import TaskDetail, read_task
from web.days import SNOOZES, today_of
from web.deps import WebDeps
from web.pages import frame, render
from web.problems import not_found

UNDO_SECONDS = 10
"""How long an answer may be taken back; under a virtual clock runs are told at once."""
_MOST_PAGES = 200
STATUS = {
    "unknown_task": 404,
    "unknown_outcome": 422,
    "unknown_person": 422,
    "settled": 409,
    "bad_edit": 422,
    "changed": 409,
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the address keeps: which tasks are shown."""

    view: InboxView = "open"
    whose: str = "me"
    q: str = ""
    playbook: str = ""
    page: int = 1

    def query(self, **changes: Any) -> str:
        """As a query of an address; what is as usual is left out."""
        wanted = replace(self, **changes) if changes else self
        usual = Filters()
        given = {name: value for name, value in vars(wanted).items() if value != getattr(usual, name)}
        return urlencode(given)

    def address(self, task_id: int | None = None, **more: object) -> str:
        query = "&".join(part for part in (self.query(), urlencode(more)) if part)
        return f"/inbox{f'/{task_id}' if task_id else ''}{'?' if query else ''}{query}"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page says besides the tasks: what was done, or why not, and what the person had written."""

    done: str = ""
    did: int | None = None
    refused: tasks.Refused | None = None
    typed: dict[str, Any] = field(default_factory=dict)
    status: int = 200


def inbox_page(deps: WebDeps, viewer: Viewer, filters: Filters, task_id: int | None, shown: Shown) -> Response:
    with deps.reading() as conn:
        around = frame(conn, viewer)
        today = today_of(around.now, around.zone)
        asked = Asked(
            view=filters.view,
            people=_whose(viewer, filters.whose),
            search=filters.q,
            playbook=filters.playbook,
            page=filters.page,
        )
        inbox = read_inbox(conn, asked, today, around.card)
        first = inbox.items[0].id if task_id is None and inbox.items else task_id
        detail = _detail(conn, viewer, first, today, around.card)
        if detail is None and task_id is not None:
            raise not_found("task", task_id, "Inbox")
        did = _detail(conn, viewer, shown.did, today, around.card)
        whose = _choices(conn, viewer)
    content = {
        "inbox": inbox,
        "detail": detail,
        "opened": task_id is not None,
        "filters": filters,
        "views": VIEWS,
        "whose": whose,
        "shown": shown,
        "did": did,
        "snoozes": SNOOZES,
        "undo": UNDO_SECONDS,
    }
    return render("inbox.html", content, around, status=shown.status)


def _detail(
    conn: sa.Connection, viewer: Viewer, task_id: int | None, today: Today, card: str | None
) -> TaskDetail | None:
    return None if task_id is None else read_task(conn, task_id, viewer.scope, today.now, today.date, card)


def _whose(viewer: Viewer, whose: str) -> tuple[str, ...] | None:
    if whose == "all" and viewer.scope.everything:
        return None
    if whose == "team":
        return (viewer.person, *viewer.scope.people)
    if whose in ("me", "") or not (viewer.scope.everything or whose in viewer.scope.people):
        return (viewer.person, *viewer.covers)
    return (whose,)


def _choices(conn: sa.Connection, viewer: Viewer) -> list[tuple[str, str]]:
    """Whose tasks one may look at: (word of the address, name)."""
    found = [("me", "Mine" + (" and those I cover" if viewer.covers else ""))]
    if viewer.scope.everything:
        found.append(("all", "Everybody's"))
    elif len(viewer.scope.people) > 1:
        found.append(("team", "My team's"))
    elif len(viewer.scope.people) < 2:
        return found
    seen = [one for one in people(conn) if viewer.scope.everything or one.key in viewer.scope.people]
    return [*found, *((one.key, one.name) for one in seen if one.key != viewer.person)]


def filters_of(query: str) -> Filters:
    """Of the query that a form was sent back with."""
    return read_filters(dict(parse_qsl(query)))


def read_filters(given: dict[str, str]) -> Filters:
    """Of an address somebody may have written by hand: what is not understood is as usual."""
    views: dict[str, InboxView] = {view: view for view in VIEWS}
    page = given.get("page", "1")
    return Filters(
        view=views.get(given.get("view", "open"), "open"),
        whose=given.get("whose", "me")[:200] or "me",
        q=given.get("q", "").strip()[:200],
        playbook=given.get("playbook", "")[:200],
        page=min(int(page), _MOST_PAGES)
        if page.isascii() and page.isdigit() and 0 < len(page) < 5 and int(page)
        else 1,
    )


def sees_task(conn: sa.Connection, viewer: Viewer, task_id: int) -> bool:
    """Whether it is a task of an account that the viewer may see."""
    account_id = tasks.account_of(conn, task_id)
    return account_id is not None and viewer.scope.sees_account(conn, account_id)
