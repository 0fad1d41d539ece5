"""Stored words and long texts as people read them."""


def words(name: str) -> str:
    """A stored word as people read it: not_started becomes "not started"."""
    return name.replace("_", " ")


def shorten(text: str, most: int) -> str:
    """The beginning of a text that is too long for its place; the cut is shown."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
