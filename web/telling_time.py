"""How moments read on pages: in the workspace's zone, or by how far they are from the present."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup


@pass_context
def when(context: Context, moment: datetime) -> str:
    """`3 Mar, 14:05`, with the year when it is another."""
    local, year = _local(context, moment)
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


@pass_context
def ago(context: Context, moment: datetime) -> str:
    return distance(moment - context["frame"].now)


@pass_context
def at(context: Context, moment: datetime) -> Markup:
    """The moment, for people and for programs."""
    return _element(moment, when(context, moment))


@pass_context
def near(context: Context, moment: datetime) -> Markup:
    """How far it is; the moment itself shows when it is pointed at."""
    return _element(moment, ago(context, moment), when(context, moment))


# Functions rather than macros: a list shows a hundred of them.
ELEMENTS: dict[str, Callable[..., Markup]] = {"at": at, "near": near}


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


def _element(moment: datetime, says: str, title: str = "") -> Markup:
    shown = f' title="{title}"' if title else ""
    return Markup(f'<time datetime="{moment.isoformat()}"{shown}>{says}</time>')  # noqa: S704 - digits and names of days


def _local(context: Context, moment: datetime) -> tuple[datetime, str]:
    """There and then, and how the year is said."""
    frame = context["frame"]
    zone = _zone(frame.zone)
    local = moment.astimezone(zone)
    return local, "" if local.year == frame.now.astimezone(zone).year else f" {local.year}"


@lru_cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
