"""Numbers as people read them on a dashboard: short, and never pretending to know what is unknown."""

UNKNOWN = "–"
_SPACE = "\u00a0"
"""One that never ends a line."""
_STEPS = ((1e9, "B"), (1e6, "M"), (1e4, "k"))


def amount(value: float | None) -> str:
    """Three digits and a letter: 1.24 M, 86.1 k, 9,300."""
    if value is None:
        return UNKNOWN
    for size, letter in _STEPS:
        if abs(value) >= size:
            shown = value / (1e3 if letter == "k" else size)
            return f"{shown:.{0 if abs(shown) >= 100 else 1 if abs(shown) >= 10 else 2}f}{_SPACE}{letter}"
    return f"{value:,.0f}"


def whole(value: float | None) -> str:
    """All digits."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(share: float | None, digits: int = 0) -> str:
    return UNKNOWN if share is None else f"{100 * share:.{digits}f}{_SPACE}%"


def points(difference: float) -> str:
    """A difference of two shares, with its sign."""
    return f"{100 * difference:+.0f}".replace("-", "−")
