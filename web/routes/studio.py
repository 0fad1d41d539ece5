"""The studio: playbooks with what they do, their versions and sources, and what needs an operator."""

from datetime import timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path
from starlette.responses import Response

from engine.differences import differences
from engine.outline import outline
from store import clock
from store.explain.candidates import candidates_of
from store.queries.failures import failures
from store.queries.funnel import funnel
from store.queries.playbooks import PlaybookRow, Source, get_playbook, list_playbooks, source_of, versions_of
from store.queries.runs import held_crossings
from web.access import OpsViewer
from web.bodies import Filter
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import not_found
from web.studio import SAID, checked, compared, drawn

pages = APIRouter(route_class=PageRoute, include_in_schema=False)
RECENT = timedelta(days=90)
"""How far back the tallies look."""
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@pages.get("/playbooks")
def page(deps: Deps, viewer: OpsViewer, said: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        content = {
            "playbooks": list_playbooks(conn, around.now - RECENT),
            "blind": failures(conn).blind,
            "said": SAID.get(said),
            "recent": RECENT.days,
        }
    return render("playbooks.html", content, around)


@pages.get("/playbooks/{name}")
def page_of_one(deps: Deps, viewer: OpsViewer, name: str, version: Filter = "", said: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        row = _row(conn, name)
        shown = _source(conn, row, version)
        found = funnel(conn, name, shown.number, [one.path for one in outline(shown.compiled.plan)])
        content = {
            **_about(conn, row),
            "said": SAID.get(said),
            "shown": shown.number,
            "funnel": found,
            "picture": drawn(shown.compiled, found),
            "held": held_crossings(conn, name),
            "recent": RECENT.days,
            "blind": failures(conn).blind.get(name),
        }
    return render("playbook.html", content, around)


@pages.get("/playbooks/{name}/source")
def page_of_source(deps: Deps, viewer: OpsViewer, name: str, version: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        row = _row(conn, name)
        shown = _source(conn, row, version)
        lines, problems = checked(conn, name, shown)
        content = {**_about(conn, row), "shown": shown.number, "lines": lines, "problems": problems}
    return render("playbook_source.html", content, around)


@pages.get("/playbooks/{name}/versions")
def page_of_versions(
    *, deps: Deps, viewer: OpsViewer, name: str, old: Filter = "", new: Filter = "", said: Filter = ""
) -> Response:
    """What one version does otherwise than another: by default the current one than the one before."""
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        row = _row(conn, name)
        later = _source(conn, row, new)
        before = old or str(
            max((one.number for one in versions_of(conn, name) if one.number < later.number), default="")
        )
        earlier = _source(conn, row, before) if before else None
        content = {
            **_about(conn, row),
            "said": SAID.get(said),
            "earlier": earlier,
            "later": later,
            "meaning": differences(earlier.compiled, later.compiled) if earlier else (),
            "lines": compared(earlier.text, later.text) if earlier else (),
        }
    return render("playbook_versions.html", content, around)


@pages.get("/playbooks/{name}/candidates")
def page_of_candidates(deps: Deps, viewer: OpsViewer, name: str, version: Filter = "") -> Response:
    """Who meets its triggers now, and what would become of them."""
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        row = _row(conn, name)
        number = _source(conn, row, version).number
        content = {
            **_about(conn, row),
            "shown": number,
            "found": candidates_of(conn, name, number, around.now),
        }
    return render("playbook_candidates.html", content, around)


@pages.get("/errors")
def page_of_errors(deps: Deps, viewer: OpsViewer, after: Filter = "", said: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        content = {"found": failures(conn, after=after), "said": SAID.get(said)}
    return render("errors.html", content, around)


def _row(conn: sa.Connection, name: str) -> PlaybookRow:
    found = get_playbook(conn, name, clock.now(conn) - RECENT)
    if found is None:
        raise not_found("playbook", name, "Playbooks")
    return found


def _about(conn: sa.Connection, row: PlaybookRow) -> dict[str, Any]:
    return {"playbook": row, "versions": versions_of(conn, row.id)}


def _source(conn: sa.Connection, row: PlaybookRow, version: str) -> Source:
    """The version asked for, or the current one."""
    wanted = version or str(row.version)
    found = source_of(conn, row.id, int(wanted)) if wanted.isdecimal() and len(wanted) < 9 else None
    if found is None:
        raise not_found("version", version, f"the versions of {row.id}")
    return found
