"""How long is kept what nothing is decided by."""

from pydantic import Field

from engine.durations import Duration
from engine.values import Value
from engine.workspace_words import Span


class Retention(Value):
    """What is older than this goes when the next of its kind is written."""

    score_days: Span = Field(
        Duration(1_095, "days"), description="how long the book's scores at the end of each day are kept"
    )
