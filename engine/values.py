"""Values that travel and stay: frozen, closed, canonical as JSON, known by their hash."""

import hashlib
import json
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from engine.expressions import Expression


class Value(BaseModel):
    """Base of everything compiled: immutable, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_serializer(mode="wrap")
    def _keeping_kind(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`kind` tells unions apart, so it is written also where defaults are left out."""
        data: dict[str, Any] = serialize(self)
        return {"kind": self.kind, **data} if hasattr(self, "kind") else data


def canonical_json(value: BaseModel) -> str:
    """The same text for the same meaning: sorted keys, no spaces, fields at their default left out."""
    data = value.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def in_digits(number: float) -> str:
    """As people write it and as expressions read it: 0.8, 1500000; shortest, and without an exponent."""
    return format(Decimal(repr(float(number))), "f").removesuffix(".0")


def content_hash(text: str) -> str:
    """The short name of a content: 16 bytes of its SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_empty(text: str) -> bool:
    return not text


class Condition(Value):
    """A checked expression as plans keep it: its text, its type, and the types of all it reads."""

    text: str
    type: str = "bool"
    reads: dict[str, str] = Field(default_factory=dict)
    rows: dict[str, dict[str, str]] = Field(default_factory=dict)
    """What aggregates look at: props by source."""
    inside: str = Field("", exclude_if=_is_empty)
    """The source of the rows it is asked of, one by one."""

    @classmethod
    def of(cls, expression: Expression) -> Self:
        made: Self = _condition(cls, expression)
        return made

    @cached_property
    def expression(self) -> Expression:
        return _expression(self.model_dump_json())


@lru_cache(maxsize=4096)
def _condition(kind: type[Condition], expression: Expression) -> Any:
    return kind.model_validate(expression.to_json())


@lru_cache(maxsize=4096)
def _expression(data: str) -> Expression:
    return Expression.from_json(json.loads(data))
