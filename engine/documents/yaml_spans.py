"""Where each part of a YAML text begins and ends, for tools that edit the text itself; the text was checked before."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(slots=True)
class Span:
    """A part of the text, `start` included and `end` not; block mappings and lists end with their last value."""

    start: int
    end: int
    style: str = ""
    """Of texts: '' plain, ' or \" quoted, | or > block."""
    flow: bool = False
    value: Any = None
    """Of texts and keys: what they say, without a type."""
    entries: list[tuple["Span", "Span"]] | None = None
    """Of mappings: keys and values."""
    items: list["Span"] | None = None
    """Of lists."""


@dataclass(slots=True)
class _Reading:
    events: Iterator[Any]
    comments: list[str] = field(default_factory=list)


def spans_of(text: str) -> Span | None:
    """The span of the document's value, with all below it; None for an empty document."""
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            return _span(next(events), events)
    return None


def _span(event: Any, events: Iterator[Any]) -> Span:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.ScalarEvent):
        return Span(start, end, style=event.style or "", value=event.value)
    whole = Span(start, end, flow=bool(event.flow_style))
    if isinstance(event, yaml.MappingStartEvent):
        whole.entries = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = _span(event, events)
            whole.entries.append((key, _span(next(events), events)))
        last = whole.entries[-1][1] if whole.entries else whole
    else:
        whole.items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            whole.items.append(_span(event, events))
        last = whole.items[-1] if whole.items else whole
    whole.end = event.end_mark.index if whole.flow else last.end
    return whole


def texts_of(span: Span) -> Iterator[Span]:
    """Every text and key, in the order of the file."""
    for key, value in span.entries or ():
        yield key
        yield from texts_of(value)
    for item in span.items or ():
        yield from texts_of(item)
    if span.entries is None and span.items is None:
        yield span
