"""How long the past is kept."""

from pydantic import Field

from engine.documents.scalars import Span
from engine.durations import Duration
from engine.values import Value


class Retention(Value):
    """What is older than this goes; what is in force stays, however old."""

    score_days: Span = Field(
        Duration(1_095, "days"), description="how long the book's scores at the end of each day are kept"
    )
    events: Span | None = Field(None, description="how long events are kept after they happened; for ever, unless said")
    history: Span | None = Field(
        None,
        description="how long values, records and scores are kept after others took their place; for ever, unless said",
    )
