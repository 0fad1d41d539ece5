"""What a template may contain: an allow-list over Jinja's own tree, with the exact place of everything it refuses."""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TOKEN_NAME, TOKEN_OPERATOR
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.problems import Problem, Spot, did_you_mean
from engine.texts.braces import in_single_braces
from engine.texts.filters import ARGUMENTS, FILTERS, TESTS

MAX_SOURCE = 16_384
MAX_LINE_SOURCE = 2_000
_MAX_DEPTH = 24
_MAX_NODES = 2_000
_MAX_CONST = 500

ENVIRONMENT = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
"""For reading only; engine.texts.templates has the one that runs."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something wrong at a character of a template, counted from 0."""

    offset: int
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Use:
    """A name the template uses, and where."""

    name: str
    offset: int
    bare: bool = False
    """Nothing stands in for it where it is unknown: no `or`, no `default`, no question whether it is there."""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A template's tree, every name it uses in order, and what is wrong with it whatever names are known."""

    tree: nodes.Template | None
    uses: tuple[Use, ...] = ()
    faults: tuple[Fault, ...] = ()


def check_template(
    text: str, known: Collection[str], spot: Callable[[int], Spot], *, line: bool = False
) -> list[Problem]:
    """Every problem of a template; `spot` tells where its character n stands in the file (see Document.within).

    `line`: a title, a subject, an entry of a checklist, where the source must be short.
    """
    return [
        Problem(code=fault.code, spot=spot(fault.offset), message=fault.message, hint=fault.hint)
        for fault in faults_in(text, known, line=line)
    ]


def faults_in(text: str, known: Collection[str], *, line: bool = False) -> list[Fault]:
    """Every fault of a template, in the order of its characters."""
    most = MAX_LINE_SOURCE if line else MAX_SOURCE
    if len(text) > most:
        return [Fault(offset=0, code="PB403", message=f"the text has {len(text):,} characters; the most is {most:,}")]
    parsed = parse(text)
    names = frozenset(known)
    unknown = (
        Fault(
            offset=use.offset,
            code="PB405",
            message=f'"{use.name}" is not a known field',
            hint=did_you_mean(use.name, _family(use.name, known)),
        )
        for use in parsed.uses
        if use.name not in names
    )
    meant = (
        Fault(offset=offset, code="PB411", message=f"{name} stands in single braces", hint=f"write {{{{ {name} }}}}")
        for offset, name in in_single_braces(text, known)
    )
    return sorted([*parsed.faults, *unknown, *meant], key=lambda fault: fault.offset)


def names_in(text: str) -> tuple[str, ...]:
    """The names a checked template uses, sorted."""
    return tuple(sorted({use.name for use in parse(text).uses}))


@lru_cache(maxsize=1024)
def parse(text: str) -> Parsed:
    """Read a template; total for any text up to MAX_SOURCE."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found := _CONTROL.search(text):
        return _unread(found.start(), "a control character", "remove it", code="PB408")
    try:
        tree = ENVIRONMENT.parse(text)
        places = _Places(text)
    except TemplateSyntaxError as error:
        hint = "every {{ ends with }}, and every {% if … %} has its {% endif %}"
        return _unread(_offset_of_line(text, error.lineno), _readable(error.message or "not a template"), hint)
    except (RecursionError, ValueError, OverflowError, MemoryError):
        return _unread(0, "the template is too deep, or holds a number that is too large", "write it in smaller parts")
    walk = _Walk(places=places)
    walk.statement(tree, 0)
    asked = (replace(use, bare=use.bare and use.name not in walk.asked) for use in walk.uses)
    uses = tuple(sorted(asked, key=lambda use: use.offset))
    return Parsed(tree=None if walk.faults else tree, uses=uses, faults=tuple(walk.faults))


def dotted(node: nodes.Node) -> str | None:
    """`contact.champion.email` for a chain of attributes over a name; None for anything else."""
    parts: list[str] = []
    while isinstance(node, nodes.Getattr):
        parts.append(node.attr)
        node = node.node
    return ".".join([node.name, *reversed(parts)]) if isinstance(node, nodes.Name) else None


# --- the allow-list ---------------------------------------------------------------------------------------------------

_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.For: ("loops are not part of templates", "write the lines out, or send one mail for each"),
    nodes.Call: ("calls are not part of templates", "use a field, and a filter such as | date"),
    nodes.Getitem: ("brackets are not part of templates", "write names with dots: contact.champion.name"),
    nodes.Pow: ("powers are not part of templates", "declare a metric in tenure.yaml and show that"),
    nodes.Mod: ("% is not part of templates", "use a filter such as | number or | date"),
    nodes.Concat: ("~ is not part of templates", "write the parts one after the other: {{ a }} {{ b }}"),
    nodes.Assign: ("templates set no names", "declare a field in tenure.yaml"),
}
_OPERATORS: dict[type[nodes.Node], str] = {nodes.Pow: "**", nodes.Mod: "%", nodes.Concat: "~", nodes.FloorDiv: "//"}
_COMPARISONS = ("eq", "ne", "lt", "lteq", "gt", "gteq")


@dataclass(kw_only=True)
class _Walk:
    """One pass over the tree that collects names and faults; its depth is bounded before Python's is."""

    places: "_Places"
    uses: list[Use] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    size: int = 0
    asked: set[str] = field(default_factory=set)
    """Names of which some `{% if %}` asks."""
    shelter: int = 0
    """How many parts around this one do with a value that is not there."""

    def statement(self, node: nodes.Node, depth: int) -> None:
        if self._is_too_much(node, depth):
            return
        match node:
            case nodes.Template() | nodes.Output():
                for child in node.iter_child_nodes():
                    self.statement(child, depth + 1)
            case nodes.TemplateData():
                pass
            case nodes.If():
                self._asks(node.test, depth + 1)
                for child in (*node.body, *node.elif_, *node.else_):
                    self.statement(child, depth + 1)
            case nodes.Expr():
                self.expression(node, depth + 1)
            case _:
                self._refuse(node)

    def expression(self, node: nodes.Node, depth: int) -> None:
        if self._is_too_much(node, depth):
            return
        match node:
            case nodes.Name() | nodes.Getattr():
                self._name(node)
            case nodes.Const():
                self._const(node)
            case nodes.Filter():
                self._filter(node, depth)
            case nodes.Test():
                self._test(node, depth)
            case nodes.Compare():
                self._compare(node, depth)
            case nodes.Or() | nodes.And() | nodes.Not() | nodes.CondExpr():
                with self._sheltered():
                    self._children(node, depth)
            case nodes.Neg() | nodes.Add() | nodes.Sub() | nodes.Mul() | nodes.Div():
                self._children(node, depth)
            case _:
                self._refuse(node)

    def _asks(self, test: nodes.Node, depth: int) -> None:
        before = len(self.uses)
        if dotted(test) is None:
            self.expression(test, depth)
        else:
            with self._sheltered():
                self.expression(test, depth)
        self.asked.update(use.name for use in self.uses[before:] if not use.bare)

    @contextmanager
    def _sheltered(self) -> Iterator[None]:
        self.shelter += 1
        yield
        self.shelter -= 1

    def _children(self, node: nodes.Node, depth: int) -> None:
        for child in node.iter_child_nodes():
            self.expression(child, depth + 1)

    def _is_too_much(self, node: nodes.Node, depth: int) -> bool:
        self.size += 1
        if depth <= _MAX_DEPTH and self.size <= _MAX_NODES:
            return False
        if not any(fault.code == "PB403" for fault in self.faults):
            hint = f"at most {_MAX_DEPTH} levels and {_MAX_NODES:,} parts"
            self._fault(self.places.line(node.lineno), "PB403", "the template is too deep or has too many parts", hint)
        return True

    def _name(self, node: nodes.Name | nodes.Getattr) -> None:
        name = dotted(node)
        if name is None:
            self._fault(self.places.line(node.lineno), "PB406", "only names have parts", "write contact.champion.name")
            return
        offset = self.places.take(_root(node).lineno, name)
        self.uses.append(Use(name=name, offset=offset, bare=not self.shelter))

    def _const(self, node: nodes.Const) -> None:
        value = node.value
        if value is None or (isinstance(value, str) and len(value) > _MAX_CONST):
            self._fault(self.places.line(node.lineno), "PB406", "none and long texts are not values here", 'use ""')
        elif isinstance(value, int | float) and not abs(value) <= 1e15:
            self._fault(self.places.line(node.lineno), "PB406", "a number this large is not shown in a text")

    def _filter(self, node: nodes.Filter, depth: int) -> None:
        offset = self.places.take(node.lineno, f"|{node.name}")
        if node.node is None or node.name not in FILTERS:
            self._fault(offset, "PB407", f'"{node.name}" is not a filter', did_you_mean(node.name, FILTERS))
        else:
            self._arguments(node, offset)
        if node.node is not None and node.name == "default":
            with self._sheltered():
                self.expression(node.node, depth + 1)
        elif node.node is not None:
            self.expression(node.node, depth + 1)

    def _arguments(self, node: nodes.Filter, offset: int) -> None:
        least, most, fits, says = ARGUMENTS.get(node.name, (0, 0, lambda _: False, "no value in brackets"))
        values = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        plain = len(values) == len(node.args) and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        if not plain or not least <= len(values) <= most or not all(map(fits, values)):
            self._fault(offset, "PB407", f"{node.name} takes {says}")

    def _test(self, node: nodes.Test, depth: int) -> None:
        if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            offset = self.places.take(node.lineno, node.name)
            self._fault(offset, "PB406", f'"is {node.name}" is not part of templates', "is known, is unknown")
        with self._sheltered():
            self.expression(node.node, depth + 1)

    def _compare(self, node: nodes.Compare, depth: int) -> None:
        if len(node.ops) != 1 or node.ops[0].op not in _COMPARISONS:
            self._fault(
                self.places.line(node.lineno), "PB406", "only one ==, !=, <, <=, > or >= at a time", "use and, or"
            )
        for part in (node.expr, *(operand.expr for operand in node.ops)):
            self.expression(part, depth + 1)

    def _refuse(self, node: nodes.Node) -> None:
        kind = type(node)
        message, hint = _REFUSED.get(kind, (f"{_WORDS.get(kind, kind.__name__.lower())} is not part of templates", ""))
        self._fault(self.places.of(node), "PB406", message, hint or "fields, filters, if, and, or, not, comparisons")

    def _fault(self, offset: int, code: str, message: str, hint: str = "") -> None:
        self.faults.append(Fault(offset=offset, code=code, message=message, hint=hint))


_WORDS: dict[type[nodes.Node], str] = {
    nodes.Macro: "a macro",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "a block",
    nodes.CallBlock: "a call block",
    nodes.FilterBlock: "a filter block",
    nodes.AssignBlock: "set",
    nodes.With: "with",
    nodes.List: "a list",
    nodes.Tuple: "a list",
    nodes.Dict: "a mapping",
    nodes.FloorDiv: "//",
    nodes.Pos: "a sign",
    nodes.Slice: "a slice",
}


# --- places -----------------------------------------------------------------------------------------------------------


class _Places:
    """Where words stand. Jinja's tree knows lines only, so the words of each line are handed out in their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words: dict[tuple[int, str], deque[int]] = defaultdict(deque)
        for line, word, offset in _words(text):
            self._words[line, word].append(offset)

    def take(self, line: int, word: str) -> int:
        offsets = self._words.get((line, word))
        return offsets.popleft() if offsets else self.line(line)

    def of(self, node: nodes.Node) -> int:
        kind = type(node)
        if word := _OPERATORS.get(kind):
            return self.take(node.lineno, word)
        if isinstance(node, nodes.Stmt):
            return self.line(node.lineno)
        first = next((child for child in node.find_all(nodes.Name)), None)
        return (
            self.take(first.lineno, dotted(_outermost(node, first)) or first.name) if first else self.line(node.lineno)
        )

    def line(self, line: int) -> int:
        return _offset_of_line(self._text, line)


def _words(text: str) -> Iterator[tuple[int, str, int]]:
    """(line, word, offset): dotted names as one word, filters as `|name`, operators as they are."""
    chain = _Chain()
    before, place = "", 0
    for line, token, value in ENVIRONMENT.lexer.tokeniter(text, None):
        # White space that Jinja trims is skipped by searching on; everything else is found where it stands.
        place = text.index(value, place)
        if token == TOKEN_NAME and before == "." and chain.names:
            chain.names.append(value)
        elif token == TOKEN_NAME:
            yield from chain.done()
            chain = _Chain([value], line, place)
            if before == "|":
                yield line, f"|{value}", place
        elif token not in _BLANK and value != ".":
            yield from chain.done()
            chain = _Chain()
            if token == TOKEN_OPERATOR:
                yield line, value, place
        if token not in _BLANK:
            before = value
        place += len(value)
    yield from chain.done()


@dataclass
class _Chain:
    """A dotted name that is being read."""

    names: list[str] = field(default_factory=list)
    line: int = 0
    place: int = 0

    def done(self) -> Iterator[tuple[int, str, int]]:
        if self.names:
            yield self.line, ".".join(self.names), self.place


_BLANK = ("whitespace", "comment_begin", "comment", "comment_end")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _outermost(node: nodes.Node, name: nodes.Name) -> nodes.Node:
    chains = (chain for chain in node.find_all(nodes.Getattr) if dotted(chain) and _root(chain) is name)
    return next(chains, name)


def _root(node: nodes.Node) -> nodes.Node:
    while isinstance(node, nodes.Getattr):
        node = node.node
    return node


def _offset_of_line(text: str, line: int) -> int:
    """The first `{` of a line, where a template most likely begins there; else the line's start."""
    start = 0
    for _ in range(line - 1):
        following = text.find("\n", start)
        if following < 0:
            break
        start = following + 1
    end = text.find("\n", start)
    brace = text.find("{", start, end if end >= 0 else len(text))
    return max(start, brace)


def _family(name: str, known: Collection[str]) -> list[str]:
    """Names that begin alike come first into question, so that the list of known ones is short."""
    head = name.partition(".")[0]
    return [each for each in known if each.partition(".")[0] == head] or list(known)


def _unread(offset: int, message: str, hint: str = "", *, code: str = "PB404") -> Parsed:
    return Parsed(tree=None, faults=(Fault(offset=offset, code=code, message=message, hint=hint),))


def _readable(message: str) -> str:
    """Jinja's message as one short sentence without its capital."""
    first = " ".join(message.split())[:200].rstrip(".")
    return first[:1].lower() + first[1:]


def rewritten(tree: nodes.Template, slots: dict[str, str]) -> nodes.Template:
    """The tree with every dotted name replaced by a plain variable, so that nothing is ever looked up on an object."""

    def change(node: nodes.Node) -> nodes.Node:
        name = dotted(node) if isinstance(node, nodes.Name | nodes.Getattr) else None
        if name is None:
            _change_children(node, change)
            return node
        slot = slots.setdefault(name, f"v{len(slots)}")
        return nodes.Name(slot, "load", lineno=node.lineno, environment=node.environment)

    changed = change(tree)
    assert isinstance(changed, nodes.Template)
    return changed


def _change_children(node: nodes.Node, change: Callable[[nodes.Node], nodes.Node]) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, list):
            setattr(node, name, [_changed(item, change) for item in value])
        else:
            setattr(node, name, _changed(value, change))


def _changed(item: Any, change: Callable[[nodes.Node], nodes.Node]) -> Any:
    return change(item) if isinstance(item, nodes.Node) else item
