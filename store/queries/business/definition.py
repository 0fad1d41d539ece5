"""What a measure is, in words: shown on the page and in the docs, from one place."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Definition:
    """`id` is its address: `/overview/ID`."""

    id: str
    title: str
    says: str
    """How it is worked out, for whoever has to defend the figure."""
