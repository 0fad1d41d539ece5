"""Places boxes: a sequence runs down one axis, the ways of a step stand side by side below it and meet again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.graph.shapes import INK, PAPER, PILL, Look, outline, pill, sign, told, words
from engine.graph.tree import Arm, Mark, Node
from engine.graph.words import width, wrap

SIZE, SMALL = 12.0, 10.5
_LINE, _SMALL_LINE = 15.0, 13.5
_ROOM = 200.0
"""How wide the words of a box may be."""
_PAD, _SIGN = 9.0, 24.0
DOWN, _ASIDE = 24.0, 22.0
_LEAST_ARM = 84.0


class Block(Protocol):
    """Something with a size, that the flow enters at `axis` from above and leaves there below, unless it stops."""

    @property
    def width(self) -> float: ...

    @property
    def height(self) -> float: ...

    @property
    def axis(self) -> float: ...

    @property
    def stops(self) -> bool: ...

    def draw(self, x: float, y: float) -> list[str]: ...


@dataclass(frozen=True, kw_only=True)
class Box:
    """One shape with its sign and words."""

    look: Look
    head: tuple[str, ...]
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    whole: str
    """All its words, uncut."""
    width: float
    height: float
    stops: bool = False
    marks: tuple[Mark, ...] = ()

    @property
    def axis(self) -> float:
        return self.width / 2

    @classmethod
    def of(
        cls,
        look: Look,
        says: Sequence[str],
        notes: Sequence[str] = (),
        *,
        room: float = _ROOM,
        marks: tuple[Mark, ...] = (),
    ) -> "Box":
        """`says`: the name in bold, and what it says, if anything."""
        head = wrap(says[0], room, SIZE * 1.08, most=3)
        lines = tuple(line for text in says[1:] for line in wrap(text, room, SIZE))
        small = tuple(line for text in notes for line in wrap(text, room, SMALL, most=3))
        widest = [width(line, SIZE * 1.08) for line in head] + [width(line, SIZE) for line in lines]
        widest += [width(line, SMALL) for line in small]
        widest += [sum(_wide(mark) + 4 for mark in marks)]
        inside = _SIGN + max(widest) + 2 * _PAD + (14 if look in ("choice", "start") else 6)
        high = _LINE * (len(head) + len(lines)) + _SMALL_LINE * len(small) + _high(marks) + 2 * _PAD
        return cls(
            look=look,
            head=head,
            lines=lines,
            notes=small,
            whole=". ".join([*says, *notes, *(mark.says for mark in marks)]),
            width=max(inside, 110.0),
            height=max(high, 34.0),
            stops=look == "end",
            marks=marks,
        )

    def draw(self, x: float, y: float) -> list[str]:
        ink = PAPER if self.look == "end" else INK
        left = x + _PAD + (6 if self.look in ("choice", "work", "wait", "end") else 2)
        drawn = [outline(self.look, x, y, self.width, self.height), sign(self.look, left, y + self.height / 2 - 8)]
        left += _SIGN
        taken = _LINE * (len(self.head) + len(self.lines)) + _SMALL_LINE * len(self.notes) + _high(self.marks)
        at = y + (self.height - taken) / 2
        for line in self.head:
            drawn.append(words(line, left, at + 11.5, SIZE, bold=True, ink=ink))
            at += _LINE
        for line in self.lines:
            drawn.append(words(line, left, at + 11.5, SIZE, ink=ink))
            at += _LINE
        for line in self.notes:
            drawn.append(words(line, left, at + 10.5, SMALL, ink=ink))
            at += _SMALL_LINE
        for mark in self.marks:
            drawn.append(pill(mark.says, left, at + 5, _wide(mark), mark.tone))
            left += _wide(mark) + 4
        return [told(self.whole, "".join(drawn))]


def _wide(mark: Mark) -> float:
    return width(mark.says, 10.8) + 14


def _high(marks: Sequence[Mark]) -> float:
    return PILL + 6 if marks else 0.0


class Column:
    """Blocks one below the other."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self.axis = max((block.axis for block in blocks), default=_LEAST_ARM / 2)
        self.width = self.axis + max((block.width - block.axis for block in blocks), default=_LEAST_ARM / 2)
        self.height = sum(block.height for block in blocks) + DOWN * max(0, len(blocks) - 1)
        self.stops = bool(blocks) and blocks[-1].stops

    def draw(self, x: float, y: float) -> list[str]:
        drawn: list[str] = []
        for i, block in enumerate(self._blocks):
            if i:
                drawn.append(arrow(x + self.axis, y, DOWN))
                y += DOWN
            drawn += block.draw(x + self.axis - block.axis, y)
            y += block.height
        return drawn


class _Label:
    """When an arm is taken."""

    def __init__(self, text: str, room: float) -> None:
        self.lines = wrap(text, room, SMALL + 0.5, most=3) if text else ()
        self.width = max((width(line, SMALL + 0.5) for line in self.lines), default=0.0) + 10
        self.height = _SMALL_LINE * len(self.lines) + (6 if self.lines else 0)

    def draw(self, x: float, y: float) -> list[str]:
        """X is its middle."""
        if not self.lines:
            return []
        paper = f'<rect x="{x - self.width / 2:g}" y="{y:g}" width="{self.width:g}" height="{self.height:g}" '
        drawn = [f'{paper}fill="{PAPER}"/>']
        for i, line in enumerate(self.lines):
            drawn.append(words(line, x, y + 12 + i * _SMALL_LINE, SMALL + 0.5, middle=True))
        return drawn


class Branching:
    """A step with its arms side by side; the open ones meet again below."""

    def __init__(self, head: Box, arms: Sequence[tuple[str, Column]]) -> None:
        self._head = head
        self._arms = [column for _, column in arms]
        rooms = [max(column.width, 130.0) for _, column in arms]
        self._labels = [_Label(text, room) for (text, _), room in zip(arms, rooms, strict=True)]
        self._lefts: list[float] = []
        at = 0.0
        for column_, label in zip(self._arms, self._labels, strict=True):
            # A label is set around the axis, and may stand out on either side of a narrow column.
            out = max(0.0, label.width / 2 - column_.axis)
            self._lefts.append(at + out)
            right = max(column_.width, column_.axis + label.width / 2)
            at += out + right + _ASIDE
        wide = at - _ASIDE
        axes = [left + column_.axis for left, column_ in zip(self._lefts, self._arms, strict=True)]
        middle = (axes[0] + axes[-1]) / 2
        self.axis = max(middle, head.axis)
        self._shift = self.axis - middle
        self.width = self.axis + max(wide - middle, head.width - head.axis)
        self._label_high = max(label.height for label in self._labels)
        self._tall = max(column_.height for column_ in self._arms)
        self.stops = all(column_.stops for column_ in self._arms)
        self._top = head.height + _BUS + 6 + self._label_high + _BUS
        self.height = self._top + self._tall + (0 if self.stops else _BUS)

    def draw(self, x: float, y: float) -> list[str]:
        axis = x + self.axis
        drawn = self._head.draw(axis - self._head.axis, y)
        bus = y + self._head.height + _BUS
        axes = [x + self._shift + left + one.axis for left, one in zip(self._lefts, self._arms, strict=True)]
        drawn.append(line(axis, y + self._head.height, axis, bus))
        drawn.append(line(axes[0], bus, axes[-1], bus))
        low = y + self._top + self._tall + _BUS
        for at, arm, label in zip(axes, self._arms, self._labels, strict=True):
            top = y + self._top
            if arm.height:
                drawn.append(arrow(at, bus, top - bus))
                drawn += arm.draw(at - arm.axis, top)
            if not arm.stops:
                drawn.append(line(at, top + arm.height if arm.height else bus, at, low))
            drawn += label.draw(at, bus + 6)
        if not self.stops:
            open_ = [at for at, arm in zip(axes, self._arms, strict=True) if not arm.stops]
            drawn.append(line(min(*open_, axis), low, max(*open_, axis), low))
        return drawn


class Round:
    """A step whose steps are done again and again, in a frame; an arrow leads back up."""

    def __init__(self, head: Box, label: str, body: Column) -> None:
        self._head, self._body = head, body
        self._label = _Label(label, max(body.width, 130.0))
        half = max(head.width / 2, body.axis, self._label.width / 2) + _FRAME
        other = max(head.width / 2, body.width - body.axis, self._label.width / 2) + _FRAME + 18
        self.axis, self.width = half, half + other
        self._top = _FRAME + head.height + _BUS + 6 + self._label.height + _BUS
        self.height = self._top + body.height + _FRAME + _BUS
        self.stops = False

    def draw(self, x: float, y: float) -> list[str]:
        axis = x + self.axis
        frame = f'<rect x="{x:g}" y="{y:g}" width="{self.width:g}" height="{self.height:g}" rx="10" '
        drawn = [f'{frame}fill="none" stroke="{INK}" stroke-width="1" stroke-dasharray="9 4"/>']
        drawn += self._head.draw(axis - self._head.axis, y + _FRAME)
        below = y + _FRAME + self._head.height
        top = y + self._top
        drawn.append(arrow(axis, below, top - below))
        drawn += self._label.draw(axis, below + 8)
        drawn += self._body.draw(axis - self._body.axis, top)
        if not self._body.stops:
            low, right, middle = top + self._body.height + _BUS, x + self.width - 14, y + _FRAME + self._head.height / 2
            back = f"M{axis:g} {top + self._body.height:g}V{low:g}H{right:g}V{middle:g}H{axis + self._head.axis + 2:g}"
            drawn.append(f'<path d="{back}" fill="none" stroke="{INK}" stroke-width="1.3" marker-end="url(#tip)"/>')
        return drawn


_BUS, _FRAME = 14.0, 12.0


def column(nodes: Sequence[Node], *, ends: bool = False) -> Column:
    """The blocks of a sequence; `ends` adds the end that nobody wrote."""
    blocks: list[Block] = [_block(node) for node in nodes]
    if ends:
        blocks.append(Box.of("end", ["End: worked through"]))
    return Column(blocks)


def _block(node: Node) -> Block:
    head = Box.of(node.family, _says(node), node.notes, marks=node.marks)
    if not node.arms:
        return head
    arms = [(_label(node, arm, i), column(arm.nodes)) for i, arm in enumerate(node.arms)]
    if node.goes == "round" and len(arms) == 1:
        return Round(head, *arms[0])
    return Branching(head, arms)


def _says(node: Node) -> list[str]:
    if node.family in ("wait", "choice", "end", "fork", "loop") and not node.id:
        return [node.says[:1].upper() + node.says[1:] if node.family != "choice" else node.says]
    return [node.name] if node.says in (node.kind, node.name) else [node.name, node.says]


def _label(node: Node, arm: Arm, i: int) -> str:
    if arm.says:
        return arm.says
    return "" if node.goes == "round" else str(i + 1)


def line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path d="M{x:g} {y:g}L{to_x:g} {to_y:g}" fill="none" stroke="{INK}" stroke-width="1.3"/>'


def arrow(x: float, y: float, down: float) -> str:
    """A line down that ends in a tip."""
    return f'<path d="M{x:g} {y:g}v{down - 1:g}" fill="none" stroke="{INK}" stroke-width="1.3" marker-end="url(#tip)"/>'
