"""Documents whose kind is told by the one key they carry (`task:`, `wait:`, `score:`): picks the model by that key."""

from collections.abc import Mapping
from typing import Annotated, Any, Union

from pydantic import BaseModel, BeforeValidator, Discriminator, Tag
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from engine.problems import did_you_mean


def union_by_key(name: str, documents: Mapping[str, type[BaseModel]], what: str, beside: tuple[str, ...] = ()) -> Any:
    """The union of the documents as an annotation; `what` names them in messages, `beside` are keys all may have.

    By its `name` models and schemas tell it once, and not wherever it stands.
    """

    def kinds_of(value: Any) -> list[str]:
        if isinstance(value, BaseModel):
            return [kind for kind, model in documents.items() if isinstance(value, model)]
        return [key for key in documents if key in value] if isinstance(value, dict) else []

    def check(value: Any) -> Any:
        kinds = kinds_of(value)
        if len(kinds) == 1:
            return value
        known = ", ".join(documents)
        if len(kinds) > 1:
            message = f"{what} has {' and '.join(kinds)}, and can be only one of them"
            raise PydanticCustomError("PB300", message, {"hint": f"write {what} for each"})
        words = [str(key) for key in value if key not in beside] if isinstance(value, dict) else []
        hint = did_you_mean(words[0], documents) if words else f"one of {known}"
        found = f"found {', '.join(words)}" if words else "found nothing that tells its kind"
        raise PydanticCustomError("PB300", f"{what} needs one of {known}; {found}", {"hint": hint})

    members = tuple(Annotated[model, Tag(kind)] for kind, model in documents.items())
    union: Any = Union.__getitem__(members)
    kind = Discriminator(lambda value: next(iter(kinds_of(value)), None))
    return TypeAliasType(name, Annotated[union, kind, BeforeValidator(check)])
