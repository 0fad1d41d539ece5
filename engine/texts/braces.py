"""Finds fields in single braces, as other tools write them: here they are text, and customers would read them."""

import re
from collections.abc import Collection, Iterator

_SINGLE = re.compile(r"(?<![{%#])\{\s*([a-z_]+(?:\.\w+)+)\s*\}(?!\})", re.ASCII)


def in_single_braces(text: str, known: Collection[str]) -> Iterator[tuple[int, str]]:
    """Where each begins, and what it names: something of which a field is known."""
    heads = {name.partition(".")[0] for name in known}
    for found in _SINGLE.finditer(text):
        if found[1].partition(".")[0] in heads:
            yield found.start(), found[1]
