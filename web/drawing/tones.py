"""The colour of a band by its place: whatever a card calls its bands, the worst are red and the best green."""

from collections.abc import Sequence

UNKNOWN = "unknown"


def tone_of(band: str, bands: Sequence[str]) -> str:
    """`red`, `yellow` or `green`; `unknown` for what is no band. `bands`: worst first."""
    if band not in bands:
        return UNKNOWN
    place, last = bands.index(band), len(bands) - 1
    if last in (0, place):
        return "green"
    return "red" if place < len(bands) / 3 else "yellow"
