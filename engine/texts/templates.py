"""Fills templates with values: compiled once, run in a sandbox that has nothing to reach for, output bounded."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.texts.filters import FILTERS, LANGUAGE, TESTS, Missing, RenderError
from engine.texts.filters import show as shown
from engine.texts.syntax import MAX_SOURCE, parse, rewritten

__all__ = ["MAX_OUTPUT", "RenderError", "fill", "render_line"]

MAX_OUTPUT = 65_536
MAX_LINE = 300


def render_line(text: str, values: Mapping[str, Any], language: str = "en") -> str:
    """A title, subject or entry of a checklist, filled in: one line of plain text, cut with an ellipsis past 300."""
    line = " ".join(
        "".join(char if char.isprintable() else " " for char in fill(text, values, language=language)).split()
    )
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1].rstrip()}…"


def fill(text: str, values: Mapping[str, Any], show: Callable[[Any], str] = shown, *, language: str = "en") -> str:
    """The template's output; `values` by full name (`account.name`), None or absent meaning unknown.

    Every value that is put out goes through `show`; what the author wrote does not. Filters write dates and numbers as
    the language does.
    """
    template = _compiled(text)
    context = {slot: _value(values, name) for name, slot in template.slots}
    parts, length = [], 0
    try:
        for part in template.run(context | {_SHOW: _guarded(show), LANGUAGE: language}):
            length += len(part)
            if length > MAX_OUTPUT:
                raise RenderError(f"the text grows beyond {MAX_OUTPUT:,} characters; shorten it or its values")
            parts.append(part)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise RenderError(f"a value does not fit the template: {error}") from error
    return "".join(parts)


@dataclass(frozen=True)
class _Template:
    slots: tuple[tuple[str, str], ...]
    run: Callable[[Mapping[str, Any]], Any]


@lru_cache(maxsize=1024)
def _compiled(text: str) -> _Template:
    parsed = parse(text) if len(text) <= MAX_SOURCE else None
    if parsed is None or parsed.tree is None:
        found = parsed.faults[0].message if parsed else "it is too long"
        raise RenderError(f"the template was not checked: {found}")
    slots: dict[str, str] = {}
    # The cached tree stays as it is; the one that is compiled is read anew, as it is changed in place.
    tree = rewritten(_RUNNING.parse(text.replace("\r\n", "\n").replace("\r", "\n")), slots)
    template = _RUNNING.from_string(tree)
    return _Template(
        tuple(slots.items()), lambda context: template.root_render_func(template.new_context(dict(context)))
    )


def _value(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Missing(name)
    return value


def _guarded(show: Callable[[Any], str]) -> Callable[[Any], str]:
    # str() of an unknown value raises the error that names it.
    return lambda value: str(value) if isinstance(value, Missing) else show(value)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Arithmetic is for numbers: `*` on a text is the classic way to build a gigabyte."""

    intercepted_binops = frozenset({"+", "-", "*", "/"})
    intercepted_unops = frozenset({"-"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        result = super().call_binop(context, operator, _number(left), _number(right))
        return _number(result)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        return super().call_unop(context, operator, _number(arg))


def _number(value: Any) -> float:
    if isinstance(value, Missing):
        str(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RenderError(f"{shown(value)[:40]!r} is not a number to calculate with")
    return float(value)


_SHOW = "show"


@pass_context
def _finalize(context: Context, value: Any) -> str:
    show: Callable[[Any], str] = context[_SHOW]
    return show(value)


def _running_environment() -> _Sandbox:
    environment = _Sandbox(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, optimized=False, finalize=_finalize
    )
    environment.filters = dict(FILTERS)
    environment.tests = dict(TESTS)
    environment.globals = {}
    return environment


_RUNNING = _running_environment()
