"""How far a fact may be dated from our clock; `screening` applies it."""

from pydantic import Field

from engine.documents.scalars import Span
from engine.durations import Duration
from engine.values import Value


class Quarantine(Value):
    """Which facts are put aside until somebody has looked at them."""

    dated_ahead: Span = Field(Duration(30, "days"), description="put aside what is dated further ahead of our clock")
    dated_back: Span = Field(Duration(18_250, "days"), description="put aside what is dated further back")
