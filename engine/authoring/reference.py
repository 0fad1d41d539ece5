"""The language as a list of its words, made from the models, tables and codes that carry it out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.authoring import words
from engine.authoring.codes import CODES
from engine.authoring.schema import schema_of, values_of
from engine.catalogue import BUILT_IN
from engine.documents.wording import MEANING
from engine.expressions.functions import FUNCTIONS
from engine.steps import DOCUMENTS as STEPS
from engine.triggers import DOCUMENTS as TRIGGERS


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key of a document, by its path below the word (`task.title`)."""

    name: str
    type: str
    default: str
    """As YAML would have it; empty where there is none."""
    required: bool
    says: str


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word of the language."""

    group: str
    name: str
    says: str
    keys: tuple[Key, ...] = ()
    example: str = ""


GROUPS: Mapping[str, str] = {
    "playbook": "parts of a playbook.yaml",
    "trigger": "what starts a playbook",
    "step": "what a playbook does",
    "operator": "signs and words of expressions",
    "function": "functions of expressions",
    "over time": "functions of a field's past",
    "over rows": "functions over records and events",
    "field": "fields that need no declaration",
    "filter": "filters of templates",
    "tenure": "parts of a tenure.yaml",
    "scorecard": "parts of a scorecard",
    "scenario": "parts of a scenario",
    "code": "what tenure check can say",
}


def reference() -> tuple[Word, ...]:
    """Every word, by group in the order of GROUPS."""
    playbook = schema_of("playbook")
    found = [
        *_parts("playbook", playbook),
        *(_kind("trigger", kind, model, playbook) for kind, model in TRIGGERS.items()),
        *(_kind("step", kind, model, playbook) for kind, model in STEPS.items()),
        *(Word(group="operator", name=name, says=says, example=one) for name, (says, one) in words.OPERATORS.items()),
        *(
            Word(group="function", name=name, says=one.says, example=words.FUNCTIONS.get(name, ""))
            for name, one in FUNCTIONS.items()
        ),
        *_told("over time", words.OVER_TIME),
        *_told("over rows", words.OVER_ROWS),
        *(
            Word(group="field", name=one.name, says=f"{one.says} ({_of(one.type, one.options)})")
            for one in BUILT_IN.values()
        ),
        *_told("filter", words.FILTERS),
        *_parts("tenure", schema_of("tenure")),
        *_parts("scorecard", schema_of("scorecard")),
        *_parts("scenario", _scenario()),
        *(Word(group="code", name=code, says=says) for code, says in CODES.items()),
    ]
    return tuple(found)


def _told(group: str, table: Mapping[str, tuple[str, str]]) -> Iterator[Word]:
    return (Word(group=group, name=name, says=says, example=example) for name, (says, example) in table.items())


def _of(type_: str, options: Sequence[str]) -> str:
    return f"{type_}: {', '.join(options)}" if options else type_


def _scenario() -> dict[str, Any]:
    whole = schema_of("scenarios")
    one = _resolved(whole["properties"]["scenarios"]["items"], whole)
    return {**one, "definitions": whole["definitions"]}


def _parts(group: str, schema: Mapping[str, Any]) -> Iterator[Word]:
    """A word for each key at the top of a file; what it holds are its keys."""
    for name, part in schema["properties"].items():
        whole = _key(name, part, schema, required=name in schema.get("required", ()))
        below = tuple(_keys(part, schema, name))
        yield Word(group=group, name=name, says=whole.says, keys=below or (whole,))


def _kind(group: str, kind: str, model: type[Any], schema: Mapping[str, Any]) -> Word:
    """A step or a trigger with all its keys, those of its own mapping by path."""
    found = schema["definitions"][model.__name__]
    return Word(
        group=group,
        name=kind,
        says=" ".join((model.__doc__ or "").split("\n\n")[0].split()).rstrip("."),
        keys=tuple(_with_own(found, schema, kind)),
    )


def _with_own(found: Mapping[str, Any], schema: Mapping[str, Any], kind: str) -> Iterator[Key]:
    for name, part in found["properties"].items():
        below = tuple(_keys(part, schema, name)) if name == kind else ()
        plain = not below or any(form.get("type") == "string" for form in part.get("anyOf", ()))
        if plain:
            yield _key(name, part, schema, required=name in found.get("required", ()))
        yield from below


def _keys(part: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Key]:
    """The keys of the mapping a part holds, of the items of a list, of the values of a free mapping; one level down."""
    for form in part.get("anyOf", (part,)):
        inner, at = _resolved(form, schema), path
        if isinstance(inner.get("items"), Mapping):
            inner, at = _resolved(inner["items"], schema), f"{path}[]"
        elif (values := values_of(inner)) is not None:
            inner, at = _resolved(values, schema), f"{path}.NAME"
        for option in inner.get("anyOf", (inner,)):
            found = _resolved(option, schema)
            for name, below in found.get("properties", {}).items() if "allOf" not in found else ():
                yield _key(f"{at}.{name}", below, schema, required=name in found.get("required", ()))


def _key(name: str, part: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool) -> Key:
    default = part.get("default", "")
    return Key(
        name=name,
        type=_type(part, schema),
        default=str(default).lower() if isinstance(default, bool) else str(default),
        required=required,
        says=part.get("description", "") or _resolved(part, schema).get("description", ""),
    )


def _type(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """In words: what stands behind the key."""
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_type(form, schema) for form in part["anyOf"] if form.get("type") != "null"))
    part = _resolved(part, schema)
    if MEANING in part:
        return str(part[MEANING])
    if "enum" in part or "const" in part:
        return " | ".join(_shown(value) for value in part.get("enum", [part.get("const")]))
    if "allOf" in part:
        return "one of " + ", ".join(part["properties"])
    match part.get("type"):
        case "array":
            items = part.get("items", {})
            return f"list of {_plural(items, schema)}"
        case "object" if (values := values_of(part)) is not None:
            return f"mapping of names to {_type(values, schema)}"
        case "object":
            return "mapping"
        case "string" if part.get("format") == "date":
            return "date"
        case str(kind):
            return {"string": "text", "boolean": "true or false", "integer": "whole number"}.get(kind, kind)
    return "any value"


def _plural(items: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    found = _resolved(items, schema)
    if "allOf" in found:
        return "triggers" if set(found["properties"]) == set(TRIGGERS) else "steps"
    if found.get("type") == "array":
        return f"lists of {_plural(found['items'], schema)}"
    return {"string": "texts", "object": "mappings"}.get(str(found.get("type")), _type(items, schema))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        at: Any = schema
        for name in part["$ref"].removeprefix("#/").split("/"):
            at = at[name]
        part = at
    return part
