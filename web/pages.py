"""How pages are made: templates, and how times and values read in them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.responses import HTMLResponse

from store.access.viewer import Viewer
from store.present import present
from store.queries.scores import main_card
from web import amounts
from web.drawing.moves import moves_chart
from web.drawing.score_chart import score_chart
from web.drawing.sparkline import sparkline
from web.drawing.tones import tone_of
from web.drawing.whisker import whisker
from web.navigation import navigation
from web.static_files import static
from web.trace import sentence

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
    )
    templates.filters |= {
        "when": _when,
        "day": _day,
        "ago": _ago,
        "value": value_in_words,
        "words": words,
        "shorten": shorten,
        "initials": initials,
        "browser": browser,
        "groupby_run": runs_of,
        "amount": amounts.amount,
        "whole": amounts.whole,
        "percent": amounts.percent,
        "points": amounts.points,
    }
    templates.globals |= {
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


def words(name: str) -> str:
    """A stored word as people read it: not_started becomes "not started"."""
    return name.replace("_", " ")


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


def shorten(text: str, most: int) -> str:
    """The beginning of a text that is too long for its place; the cut is shown."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def initials(name: str) -> str:
    """The first letters of a name's first and last word, for the disc that stands for a person."""
    parts = [word for word in name.split() if word[:1].isalnum()]
    return "".join(word[0] for word in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper() or "?"


@pass_context
def _day(context: Context, moment: datetime) -> str:
    frame: Frame = context["frame"]
    local = moment.astimezone(_zone(frame.zone))
    year = "" if local.year == frame.now.astimezone(_zone(frame.zone)).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}"


@pass_context
def _when(context: Context, moment: datetime) -> str:
    frame: Frame = context["frame"]
    local = moment.astimezone(_zone(frame.zone))
    year = "" if local.year == frame.now.astimezone(_zone(frame.zone)).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


@pass_context
def _ago(context: Context, moment: datetime) -> str:
    frame: Frame = context["frame"]
    return distance(moment - frame.now)


def distance(away: timedelta) -> str:
    """How far a moment is, to one unit: "in 3 days", "2 hours ago"."""
    seconds = abs(away.total_seconds())
    if seconds < 60:
        return "now"
    size, unit = next(
        (size, unit) for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")) if seconds >= size
    )
    count = int(seconds // size)
    text = f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"in {text}" if away > timedelta(0) else f"{text} ago"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
