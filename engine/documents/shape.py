"""The base of what authors write: documents and their parts are closed, frozen, and built when first needed."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A part of a document: its keys, their types and what they are for; meaning is the compiler's business."""

    # To build a model takes longer than to read a document with it, and most commands need few of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
