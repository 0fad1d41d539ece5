"""How the scores of an account's children become one number of the parent's, as in store/current/rollups.py."""

import math
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.values import Value

PARENT = "account.parent"
"""The field by which an account names its parent."""


class Rollup(Value):
    """The worst of the children's scores, or their mean weighted by a field."""

    by: str | None = None
    """A field of the child, such as account.arr; None: the worst counts."""


def _rollup(value: Any) -> Any:
    if isinstance(value, Rollup):
        return value
    if value == "worst":
        return Rollup()
    if isinstance(value, dict) and value.keys() == {"by"} and isinstance(value["by"], str):
        return Rollup(by=value["by"])
    raise PydanticCustomError("PB503", "this is no way to roll up", {"hint": "write worst, or { by: account.arr }"})


_BY = {"type": "string", "description": "the number that weighs each child's score, such as account.arr"}
_SCHEMA = {
    "anyOf": [
        {"const": "worst"},
        {"type": "object", "properties": {"by": _BY}, "required": ["by"], "additionalProperties": False},
    ]
}
RollupText = Annotated[Any, BeforeValidator(_rollup), WithJsonSchema(_SCHEMA)]
"""As a card says it."""


def children_field(card: str) -> str:
    """What the parent gains by a roll-up of this card."""
    return f"{card}.children"


def rolled_up(rollup: Rollup, children: Iterable[tuple[float | None, float | None]]) -> float | None:
    """Of each child its score and its weight. Unknown scores count for nothing, and neither do weights that are unknown
    or not above 0; with nothing left, the whole is unknown."""
    if rollup.by is None:
        return min((score for score, _ in children if score is not None), default=None)
    weighted = whole = 0.0
    for score, weight in children:
        if score is not None and weight is not None and weight > 0:
            weighted += score * weight
            whole += weight
    return math.floor(weighted / whole * 10.0 + 0.5) / 10.0 if whole else None
