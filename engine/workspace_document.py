"""tenure.yaml as an author writes it: the shape alone; `workspace_reader` knows what the words mean together."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from engine.catalogue import Type
from engine.scorecards import Word
from engine.workspace import Calendar, Feed, Generate, MailPolicy, Person, Roles, Sender
from engine.workspace_words import Line, Zone


class _Authored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _prop_in_short(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


_FieldName = Annotated[str, Field(pattern=r"^account\.[a-z][a-z0-9_]{0,39}$")]
_Column = Annotated[str, Field(min_length=1, max_length=200)]


class PropDocument(_Authored):
    type: Type
    of: tuple[str, ...] = ()
    says: str = ""


_Prop = Annotated[PropDocument, BeforeValidator(_prop_in_short)]


class FieldDocument(_Authored):
    type: Type | None = None
    of: tuple[str, ...] = ()
    says: str = ""
    from_: Annotated[str | dict[str, str] | None, Field(alias="from")] = None


class ImportDocument(_Authored):
    file: Annotated[str, Field(pattern=r"^[^/\\][^\\]*$", max_length=200)]
    as_: Annotated[str, Field(alias="as", pattern=r"^(account|contact|metrics|(record|event) [a-z][a-z0-9_]{0,39})$")]
    account: _Column | None = None
    id: _Column | None = None
    at: _Column | None = None
    ends: _Column | None = None
    fields: dict[str, _Column] = Field(default_factory=dict)
    props: dict[str, _Column] = Field(default_factory=dict)
    at_end: dict[str, _Column] = Field(default_factory=dict)

    @field_validator("file")
    @classmethod
    def _stays_in_the_folder(cls, file: str) -> str:
        if ".." in file.split("/"):
            raise PydanticCustomError("PB509", "a file lies in the folder that is imported", {"hint": "leave .. out"})
        return file


class WorkspaceDocument(_Authored):
    name: Line
    zone: Zone = "UTC"
    calendar: Calendar = Calendar()
    sender: Sender | None = None
    postal_address: Line | None = None
    roles: Roles = Roles()
    people: tuple[Person, ...] = ()
    fields: dict[_FieldName, Annotated[FieldDocument, BeforeValidator(_prop_in_short)]] = Field(default_factory=dict)
    records: dict[Word, dict[Word, _Prop]] = Field(default_factory=dict)
    events: dict[Word, dict[Word, _Prop] | None] = Field(default_factory=dict)
    metrics: dict[Word, str] = Field(default_factory=dict)
    feeds: dict[Word, Feed] = Field(default_factory=dict)
    imports: dict[Word, ImportDocument] = Field(default_factory=dict)
    generate: Generate = Generate()
    connectors: dict[Word, dict[Word, bool | float | str]] = Field(default_factory=dict)
    mail: MailPolicy = MailPolicy()
