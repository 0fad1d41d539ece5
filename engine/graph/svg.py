"""A playbook as an SVG: starts on top, time runs down, ways stand side by side; readable without colour, and aloud."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from engine.graph.layout import SIZE, Box, arrow, column, line
from engine.graph.shapes import INK, PAPER, attribute, words
from engine.graph.text import to_text
from engine.graph.tree import Picture
from engine.graph.words import width, wrap

_MARGIN, _DOWN, _ASIDE = 24.0, 26.0, 16.0
_FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_MOST_IN_A_ROW = 4


def to_svg(picture: Picture) -> str:
    """A document of its own, sized in pixels, on white."""
    page = _Page(picture)
    page.title()
    page.starts()
    page.steps()
    page.ends()
    return page.document()


class _Page:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._heads = _rows([Box.of("start", ["Starts when", start]) for start in picture.starts])
        self._audience = Box.of("audience", ["Only for", picture.audience], picture.entry, room=380)
        self._steps = column(picture.nodes, ends=not picture.stops)
        goal = [Box.of("goal", ["Goal", picture.goal], room=300)] if picture.goal else []
        exits = [Box.of("exit", [f"Exit: {reason}", when], room=300) for reason, when in picture.exits]
        self._ends = [*goal, *exits]
        left = max([self._audience.width / 2, self._steps.axis, *(_wide(row) / 2 for row in self._heads)])
        right = max([left, self._steps.width - self._steps.axis])
        widest = max([min(width(picture.title, 22), 620), *(box.width for box in self._ends)])
        self._wide = max(left + right, widest)
        self._axis = _MARGIN + left
        self._y = _MARGIN
        self._drawn: list[str] = []

    def title(self) -> None:
        for row in wrap(self._picture.title, self._wide, 20, most=2):
            self._y += 22
            self._drawn.append(words(row, _MARGIN, self._y, 20, bold=True))
        self._y += 18
        self._drawn.append(words(f"Playbook {self._picture.playbook}", _MARGIN, self._y, SIZE))
        self._y += 20

    def starts(self) -> None:
        for row in self._heads:
            self._row(row)
        self._down()
        self._drawn += self._audience.draw(self._axis - self._audience.axis, self._y)
        self._y += self._audience.height

    def steps(self) -> None:
        self._down()
        self._drawn += self._steps.draw(self._axis - self._steps.axis, self._y)
        self._y += self._steps.height

    def ends(self) -> None:
        if not self._ends:
            return
        self._y += _DOWN
        across = f"M{_MARGIN:g} {self._y:g}h{self._wide:g}"
        self._drawn.append(f'<path d="{across}" stroke="{INK}" stroke-width="1" stroke-dasharray="2 4"/>')
        self._y += 22
        self._drawn.append(words("At any moment, also inside a wait, it ends with", _MARGIN, self._y, SIZE, bold=True))
        self._y += 12
        x, high = _MARGIN, 0.0
        for box in self._ends:
            if x > _MARGIN and x + box.width > _MARGIN + self._wide:
                x, high, self._y = _MARGIN, 0.0, self._y + high + 10
            self._drawn += box.draw(x, self._y)
            x, high = x + box.width + _ASIDE, max(high, box.height)
        self._y += high

    def document(self) -> str:
        picture = self._picture
        name = "".join(one if one.isalnum() else "-" for one in picture.playbook)
        wide, high = round(self._wide + 2 * _MARGIN), round(self._y + _MARGIN)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
            f'role="img" aria-labelledby="{name}-title {name}-desc" font-family={attribute(_FONT)}>'
        )
        tip = (
            '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto" '
            f'markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker></defs>'
        )
        title = escape(f"Playbook {picture.playbook}: {picture.title}")
        lines = [
            head,
            f'<title id="{name}-title">{title}</title>',
            f'<desc id="{name}-desc">{escape(to_text(picture))}</desc>',
            tip,
            f'<rect width="100%" height="100%" fill="{PAPER}"/>',
            *self._drawn,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _row(self, row: Sequence[Box]) -> None:
        """Starts side by side, joined below; a further row joins the same line."""
        high = max(box.height for box in row)
        x = self._axis - _wide(row) / 2
        axes = []
        for box in row:
            self._drawn += box.draw(x, self._y)
            axes.append(x + box.axis)
            self._drawn.append(line(x + box.axis, self._y + box.height, x + box.axis, self._y + high + 12))
            x += box.width + _ASIDE
        self._y += high + 12
        self._drawn.append(line(min(*axes, self._axis), self._y, max(*axes, self._axis), self._y))

    def _down(self) -> None:
        self._drawn.append(arrow(self._axis, self._y, _DOWN))
        self._y += _DOWN


def _rows(boxes: Sequence[Box]) -> list[Sequence[Box]]:
    return [boxes[i : i + _MOST_IN_A_ROW] for i in range(0, len(boxes), _MOST_IN_A_ROW)]


def _wide(row: Sequence[Box]) -> float:
    return sum(box.width for box in row) + _ASIDE * (len(row) - 1)
