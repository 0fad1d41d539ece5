"""How pages are made: templates, and how times and values read in them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from store.access.viewer import Viewer
from store.present import present
from store.queries.scores import main_card
from web import amounts, telling_time
from web.drawing.marks import MARKS
from web.drawing.moves import moves_chart
from web.drawing.score_chart import score_chart
from web.drawing.sparkline import sparkline
from web.drawing.tones import tone_of
from web.drawing.whisker import whisker
from web.navigation import navigation
from web.static_files import static
from web.trace import sentence
from web.wording import shorten, words

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What every page shows around its content."""

    workspace: str
    zone: str
    now: datetime
    virtual: bool
    viewer: Viewer | None = None
    """Who is signed in; None on pages for everybody."""
    card: str | None = None
    """The scorecard people mean by health."""


_NO_FRAME = Frame(workspace="Tenure", zone="UTC", now=datetime.min.replace(tzinfo=UTC), virtual=False)


def frame(conn: sa.Connection, viewer: Viewer | None = None) -> Frame:
    here = present(conn)
    name, zone = (here.workspace.name, here.workspace.zone) if here.workspace else ("Tenure", "UTC")
    card = main_card(here.workspace)
    return Frame(workspace=name, zone=zone, now=here.now, virtual=here.virtual, viewer=viewer, card=card)


def render(
    template: str,
    content: Mapping[str, Any],
    frame: Frame = _NO_FRAME,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    html = _templates().get_template(template).render(frame=frame, **content)
    return HTMLResponse(html, status, headers)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # They change with the program alone.
        auto_reload=False,
    )
    templates.filters |= {
        "when": telling_time.when,
        "ago": telling_time.ago,
        "value": value_in_words,
        "words": words,
        "shorten": shorten,
        "browser": browser,
        "groupby_run": runs_of,
        "amount": amounts.amount,
        "whole": amounts.whole,
        "percent": amounts.percent,
        "points": amounts.points,
    }
    templates.globals |= {
        "marks": MARKS | telling_time.ELEMENTS,
        "sentence": sentence,
        "static": static,
        "navigation": navigation,
        "sparkline": sparkline,
        "score_chart": score_chart,
        "moves_chart": moves_chart,
        "whisker": whisker,
        "tone_of": tone_of,
    }
    return templates


def browser(agent: str) -> str:
    """A browser and its system, out of what it calls itself: "Firefox on Linux"."""
    names = ("Edg", "Firefox", "Chrome", "Safari")
    name = next((one for one in names if one in agent), "")
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    system = next((one for one in systems if one in agent), "")
    name = {"Edg": "Edge"}.get(name, name) or agent.partition("/")[0] or "a browser"
    return f"{name} on {system}" if system else name


def value_in_words(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case float() if math.isfinite(value):
            return f"{value:,.10g}"
        case list() | tuple():
            return ", ".join(value_in_words(part) for part in value)
        case dict():
            return ", ".join(f"{words(str(key))} {value_in_words(part)}" for key, part in value.items())
        case date():
            return value.isoformat()
        case _:
            return str(value)


def runs_of(items: Iterable[Any], name: str) -> list[tuple[Any, list[Any]]]:
    """Items side by side with the same value, in the order they have; `groupby` would sort them."""
    return [(value, list(found)) for value, found in groupby(items, key=attrgetter(name))]
