"""Turns pydantic's errors into what an author can use: the place in the document, plain words, and what to do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from typing_extensions import TypeAliasType

from engine.documents.forms import in_words
from engine.problems import did_you_mean

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong at a path that exists in the document; `at_key` points at the key instead of its value."""

    code: str
    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    missing: str = ""
    """The key that is not there."""
    expected: tuple[str, ...] = ()
    """The kinds of value that could stand there, such as text; where it is of none of them."""


def faults_of(error: ValidationError, model: type[BaseModel], data: Any) -> tuple[Fault, ...]:
    """Every fault once. Of a union only the errors that help are kept, and a misspelt key is not missing as well."""
    found = [(_place(item, data), item) for item in error.errors(include_url=False)]
    kinds = _kinds_expected(found)
    faults: dict[tuple[Path, str], Fault] = {}
    for place, item in found:
        if item["type"] in _KINDS:
            if _explained_deeper(place.path, found):
                continue
            fault = _wrong_kind(place.path, kinds[place.path], item)
        else:
            fault = _fault(place, item, model)
        faults.setdefault((fault.path, fault.message), fault)
    misspelt = {(fault.path[:-1], fault.hint) for fault in faults.values() if fault.code == "PB101"}
    return tuple(fault for fault in faults.values() if (fault.path, _misspelt(fault)) not in misspelt)


def _misspelt(fault: Fault) -> str | None:
    return did_you_mean(fault.missing, [fault.missing]) if fault.missing else None


# --- where ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A path that exists in the document, and for each part of pydantic's path whether it is one of the document's."""

    path: Path
    real: tuple[bool, ...]
    value: Any


def _place(item: Any, data: Any) -> _Place:
    """Pydantic's path also names members of unions, at times by a word that is a key as well; its input tells which."""
    places = list(_places(item["loc"], data))
    return next((place for place in places if place.value is item["input"]), places[0])


def _places(loc: Sequence[str | int], data: Any) -> Iterator[_Place]:
    """All readings of a path, those with most keys first."""
    if not loc:
        yield _Place((), (), data)
        return
    part, rest = loc[0], loc[1:]
    inside = part < len(data) if isinstance(data, list) and isinstance(part, int) else False
    if inside or (isinstance(data, Mapping) and part in data):
        for below in _places(rest, data[part]):
            yield _Place((part, *below.path), (True, *below.real), below.value)
    if not inside:
        for below in _places(rest, data):
            yield _Place(below.path, (False, *below.real), below.value)


def _explained_deeper(path: Path, found: Sequence[tuple[_Place, Any]]) -> bool:
    """A union whose value fits one member by kind: the complaints of the others would only confuse."""
    return any(
        (deeper.path != path and deeper.path[: len(path)] == path)
        or (deeper.path == path and other["type"] not in _KINDS)
        for deeper, other in found
    )


# --- what -----------------------------------------------------------------------------------------------------------

_KINDS: dict[str, str] = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "date_type": "a date such as 2026-03-01",
    "date_parsing": "a date such as 2026-03-01",
    "date_from_datetime_parsing": "a date such as 2026-03-01",
    "datetime_type": "a moment such as 2026-03-01T09:00:00Z",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}


def _kinds_expected(found: Sequence[tuple[_Place, Any]]) -> dict[Path, list[str]]:
    expected: dict[Path, list[str]] = {}
    for place, item in found:
        kind = _KINDS.get(item["type"])
        if kind and kind not in expected.setdefault(place.path, []):
            expected[place.path].append(kind)
    return expected


def _wrong_kind(path: Path, expected: Sequence[str], item: Any) -> Fault:
    value = item["input"]
    hint = ""
    if "text" in expected and isinstance(value, int | float):
        hint = f'if it is text, quote it: "{_shown(value)}"'
    elif isinstance(value, str) and {"a number", "a whole number"} & {*expected}:
        hint = _as_number(value)
    wanted = " or ".join(expected)
    message = f"expected {wanted}, found {_found(value)}"
    return Fault(code="PB103", path=path, message=message, hint=hint, expected=tuple(expected))


_PER_CENT = re.compile(r"(-?\d{1,12}(?:\.\d{1,9})?)\s*%", re.ASCII)
_THOUSANDS = re.compile(r"-?\d{1,3}(?:[ ,']\d{3})+(?:\.\d{1,9})?", re.ASCII)


def _as_number(text: str) -> str:
    """What to write instead of a text that says a number."""
    if found := _PER_CENT.fullmatch(text.strip()):
        return f"write {found[1]}, or {float(found[1]) / 100:g} where 1 is the whole"
    return f"write {re.sub('[^0-9.-]', '', text)}" if _THOUSANDS.fullmatch(text.strip()) else ""


def _fault(place: _Place, item: Any, model: type[BaseModel]) -> Fault:
    path, kind, last, ctx = place.path, item["type"], item["loc"][-1] if item["loc"] else "", item.get("ctx", {})
    match kind:
        case "extra_forbidden":
            hint = did_you_mean(str(last), _keys_at(model, item["loc"][:-1], place.real))
            return Fault(code="PB101", path=path, message=f'unknown key "{last}"', hint=hint, at_key=True)
        case "missing":
            return Fault(
                code="PB102", path=path, message=f'the key "{last}" is missing', hint=f"add {last}:", missing=str(last)
            )
        case "literal_error" | "enum":
            return _not_among(path, item["input"], ctx["expected"])
        case "union_tag_invalid":
            return _not_among(path, ctx["tag"], ctx["expected_tags"])
        case "union_tag_not_found":
            return Fault(code="PB102", path=path, message=f"the key {ctx['discriminator']} is missing")
        case "string_pattern_mismatch":
            says, hint = in_words(ctx["pattern"], item["input"])
            return Fault(code="PB105", path=path, message=f"{says}, found {_found(item['input'])}", hint=hint)
        case "value_error":
            return Fault(code="PB105", path=path, message=str(ctx["error"]))
        case _ if kind.startswith("PB"):
            return Fault(code=kind, path=path, message=item["msg"], hint=str(ctx.get("hint", "")))
        case _:
            message = item["msg"][:1].lower() + item["msg"][1:]
            return Fault(code="PB105", path=path, message=f"{message}, found {_found(item['input'])}")


def _not_among(path: Path, value: Any, expected: str) -> Fault:
    words = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
    message = f"{_found(value)} is not among the allowed words: {', '.join(words)}"
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return Fault(code="PB104", path=path, message=message, hint=hint if hint.startswith("did") else "")


def _found(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return _shown(value)
        case str():
            return f'"{value if len(value) <= 60 else value[:60] + "…"}"'
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return "something else"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- which keys a place knows ---------------------------------------------------------------------------------------


def _keys_at(model: type[BaseModel], loc: Sequence[str | int], real: Sequence[bool]) -> list[str]:
    """The keys allowed where pydantic's path ends; of a union's members all those the path does not rule out."""
    here: list[Any] = [model]
    for part, is_real in zip(loc, real, strict=False):
        models = list(_models(here))
        if is_real:
            here = [type_ for one in models for key, type_ in _fields(one) if key == part] or _items(here, part)
        else:
            here = [one for one in models if _is_called(one, str(part))] or here
    return [key for one in _models(here) for key, _ in _fields(one)]


def _is_called(model: type[BaseModel], tag: str) -> bool:
    """By its name, by the word in its discriminator, or by the key it stands for."""
    words = [word for _, type_ in _fields(model) for word in get_args(type_) if isinstance(word, str)]
    return model.__name__ == tag or tag in words or (tag not in words and tag in (key for key, _ in _fields(model)))


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Keys and their types; those that a model names before they exist are looked up."""
    try:
        types = get_type_hints(model, include_extras=True)
    except NameError:
        types = {}
    for name, field in model.model_fields.items():
        yield (field.alias or name), types.get(name, field.annotation)


def _members(annotations: Sequence[Any]) -> Iterator[Any]:
    """The plain types behind unions, annotations, optional values and named aliases."""
    for annotation in annotations:
        if isinstance(annotation, TypeAliasType):
            yield from _members([annotation.__value__])
        elif get_origin(annotation) is Annotated:
            yield from _members(get_args(annotation)[:1])
        elif get_origin(annotation) in (Union, UnionType):
            yield from _members(get_args(annotation))
        else:
            yield annotation


def _models(annotations: Sequence[Any]) -> Iterator[type[BaseModel]]:
    for member in _members(annotations):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member


def _items(annotations: Sequence[Any], part: str | int) -> list[Any]:
    """What lists hold, for a number as part; what mappings hold, for a word."""
    held = []
    for member in _members(annotations):
        arguments = [argument for argument in get_args(member) if argument is not Ellipsis]
        is_mapping = get_origin(member) in (dict, Mapping)
        if arguments and is_mapping != isinstance(part, int):
            held.append(arguments[-1])
    return held
