"""JSON Schemas of what authors write, made from the very models that check it; draft 7, which language servers know."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from engine.health.scorecards import CardDocument
from engine.playbook import PlaybookDocument
from engine.scenarios.document import ScenariosDocument
from engine.workspace.document import WorkspaceDocument

DRAFT = "http://json-schema.org/draft-07/schema#"

SCHEMAS: Mapping[str, type[BaseModel]] = {
    "playbook": PlaybookDocument,
    "tenure": WorkspaceDocument,
    "scorecard": CardDocument,
    "scenarios": ScenariosDocument,
}
"""The files of a workspace that are YAML, and what they hold."""


@cache
def schema_of(name: str) -> Mapping[str, Any]:
    """The schema of one of `SCHEMAS`; keys in the order in which authors write them. Made once, as it takes a while."""
    made = SCHEMAS[name].model_json_schema(schema_generator=_Generator, ref_template="#/definitions/{model}")
    definitions = made.pop("$defs", {})
    whole = {"$schema": DRAFT, **made, "definitions": definitions}
    _offer_kinds(whole)
    return whole


def _offer_kinds(part: Any) -> None:
    """Beside the rules of a union, the keys that tell its kinds: what an editor offers while there is none yet."""
    if isinstance(part, dict):
        members = {rule["if"]["required"][0]: rule["then"] for rule in part.get("allOf", ()) if "$ref" in rule["then"]}
        if members:
            part["properties"] = {kind: {"$ref": f"{then['$ref']}/properties/{kind}"} for kind, then in members.items()}
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _offer_kinds(inner)


def values_of(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of a mapping with free keys: the schema of its values."""
    free = schema.get("additionalProperties")
    if isinstance(free, Mapping):
        return free
    found: Mapping[str, Any] | None = next(iter(schema.get("patternProperties", {}).values()), None)
    return found


class _Generator(GenerateJsonSchema):
    """What an editor is told: keys, words and texts in order, and nothing that authors never write."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Documents told apart by the one key they carry: that key decides, so that faults show at their place."""
        if not callable(schema["discriminator"]):
            return super().tagged_union_schema(schema)
        kinds = {str(kind): self.generate_inner(choice) for kind, choice in schema["choices"].items()}
        rules: list[Any] = [{"if": {"required": [kind]}, "then": found} for kind, found in kinds.items()]
        none = {"not": {"anyOf": [{"required": [kind]} for kind in kinds]}}
        # What is a mapping is no null: that is how a language server is brought to say this and nothing else.
        refusal = {"type": "null", "errorMessage": f"one of these keys must be here: {', '.join(kinds)}"}
        rules.append({"if": none, "then": refusal})
        return {"type": "object", "allOf": rules}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Titled by what editors call it: `wait_for`, not WaitForDocument."""
        words = re.sub(r"(Document|Body)$", "", schema["cls"].__name__)
        title = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()
        return {**super().model_schema(schema), "title": title}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """An author leaves a key out; only a whole mapping may be left empty."""
        inner = self.generate_inner(schema["schema"])
        return {"anyOf": [inner, {"type": "null"}]} if schema["schema"]["type"] == "dict" else inner

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Defaults that are words or numbers; what is left out by default is left out here."""
        made = super().default_schema(schema)
        if not isinstance(made.get("default"), str | int | float) or made["default"] == "":
            made.pop("default", None)
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Keys have a form or are free; those that do not fit their form are refused."""
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def get_title_from_name(self, name: str) -> str:  # noqa: ARG002 - the base decides on the shape
        """None: what pydantic makes of a field's name says no more than the name."""
        return ""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the same
        return False


def modeline(name: str, depth: int) -> str:
    """The comment by which an editor finds a workspace's schema, in a file so many folders below the workspace."""
    return f"# yaml-language-server: $schema={'../' * depth}schema/{name}.json\n"
