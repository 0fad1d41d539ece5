"""The scale of a survey below its mail: one link for each score, in HTML and in plain text."""

from collections.abc import Mapping
from html import escape

from engine.values import Value


class Scale(Value):
    """`links` by score, in order; `low` and `high` say what its ends mean."""

    question: str
    low: str
    high: str
    links: Mapping[int, str]


def scale_html(scale: Scale) -> str:
    """Trusted HTML for engine.texts.layout.page."""
    cells = "".join(
        f'<td class="score"><a href="{escape(url)}" aria-label="{score}: {escape(_end(scale, score))}">{score}</a></td>'
        for score, url in scale.links.items()
    )
    return (
        f'<p class="question"><strong>{escape(scale.question)}</strong></p>\n'
        '<table role="presentation" class="scale" cellpadding="0" cellspacing="0" border="0">'
        f"<tr>{cells}</tr></table>\n"
        f'<p class="ends">{escape(_ends(scale))}</p>\n'
    )


def scale_plain(scale: Scale) -> str:
    lines = [f"{score}: {url}" for score, url in scale.links.items()]
    return "\n".join([scale.question, f"({_ends(scale)})", "", *lines]) + "\n"


def _ends(scale: Scale) -> str:
    return f"{min(scale.links)} {scale.low}, {max(scale.links)} {scale.high}"


def _end(scale: Scale, score: int) -> str:
    if score == min(scale.links):
        return scale.low
    return scale.high if score == max(scale.links) else f"out of {max(scale.links)}"
