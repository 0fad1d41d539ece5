"""Small marks that lists show a hundred of, and so functions rather than macros: scores, movements, badges, people."""

from collections.abc import Callable

from markupsafe import Markup, escape

from web.drawing.icons import icon
from web.wording import shorten, words

_BADGE = 40
"""Letters: a badge is one line."""


def moved(points: float | None) -> Markup:
    """By how much a score moved in thirty days; nothing where that is unknown."""
    if points is None:
        return Markup("")
    tone, drawn, says = (
        ("good", "up", "up") if points > 0 else ("bad", "down", "down") if points < 0 else ("quiet", "level", "unmoved")
    )
    return Markup(  # noqa: S704 - words of ours and a number
        f'<span class="moved {tone}">{icon(drawn)}{abs(points):g}<span class="sr"> {says} in thirty days</span></span>'
    )


def health(value: float | None, band: str | None) -> Markup:
    """A score in the colour of its band."""
    shown = "unknown" if value is None else f"{value:.0f}"
    name = escape(band or "")
    says = f'<span class="sr"> {words(name)}</span>' if band else ""
    return Markup(f'<span class="badge dot {name}">{shown}{says}</span>')  # noqa: S704 - a number, and escaped text


def badge(word: str, tone: str) -> Markup:
    """A stored word as people read it, in a tone of ours."""
    return Markup(f'<span class="badge {tone}">{escape(shorten(words(word), _BADGE))}</span>')  # noqa: S704 - escaped text


def count(number: int, tone: str = "", most: int | None = None) -> Markup:
    """The number of a tab or of an entry of the navigation; `most` stands for that or more."""
    more = "+" if most and number >= most else ""
    return Markup(f'<span class="count {tone}">{number:,}{more}</span>')  # noqa: S704 - a number


def initials(name: str) -> str:
    """The first letters of a name's first and last word."""
    parts = [word for word in name.split() if word[:1].isalnum()]
    return "".join(word[0] for word in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper() or "?"


def avatar(name: str) -> Markup:
    """The disc that stands for a person."""
    return Markup(f'<span class="avatar" aria-hidden="true">{escape(initials(name))}</span>')  # noqa: S704 - escaped text


MARKS: dict[str, Callable[..., Markup]] = {
    "icon": icon,
    "moved": moved,
    "health": health,
    "badge": badge,
    "count": count,
    "avatar": avatar,
}
