"""tenure.yaml as an author writes it: the shape alone; `reader` knows what the words mean together."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from engine.catalogue import Type
from engine.documents.scalars import Line, Locale, Span, Zone
from engine.documents.shape import Shape
from engine.documents.wording import ConditionText, ExpressionText
from engine.durations import Duration
from engine.health.scorecards import Word
from engine.mail.policy import MailPolicy
from engine.workspace.breaker import Breaker
from engine.workspace.model import Calendar, Feed, Generate, Person, Reminders, Roles, Sender, Surveys
from engine.workspace.quarantine import Quarantine
from engine.workspace.retention import Retention


def _prop_in_short(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class _InShort:
    """In schemas: the word of a type alone, or the mapping."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"enum": list(get_args(Type))}, handler(schema)]}


_FieldName = Annotated[str, Field(pattern=r"^account\.[a-z][a-z0-9_]{0,39}$")]
_Column = Annotated[str, Field(min_length=1, max_length=200)]


class PropDocument(Shape):
    """What a prop of a record or an event holds."""

    type: Type = Field(description="number, text, choice, bool, date or instant")
    of: tuple[str, ...] = Field((), description="the words of a choice")
    says: str = Field("", description="one line for people")


_Prop = Annotated[PropDocument, BeforeValidator(_prop_in_short), _InShort()]


class FieldDocument(Shape):
    """A field of the account, told from outside or worked out."""

    type: Type | None = Field(None, description="number, text, choice, bool, date or instant")
    of: tuple[str, ...] = Field((), description="the words of a choice")
    says: str = Field("", description="one line for people")
    from_: Annotated[ExpressionText | dict[str, ConditionText] | None, Field(alias="from")] = Field(
        None, description="worked out: an expression, or for a choice the condition of each word, the first that holds"
    )


class MappingDocument(Shape):
    """How rows become facts."""

    as_: Annotated[
        str, Field(alias="as", pattern=r"^(account|contact|metrics|(record|event) [a-z][a-z0-9_]{0,39})$")
    ] = Field(description="what a row is: account, contact, metrics, record NAME or event NAME")
    account: _Column | None = Field(
        None, description="the column with the account's id, or `via IMPORT.COLUMN` through another file"
    )
    id: _Column | None = Field(None, description="the column that tells one row from the next")
    at: _Column | None = Field(None, description="the column that says since when it is true")
    ends: _Column | None = Field(None, description="of records: the column with their end")
    fields: dict[str, _Column] = Field(default_factory=dict, description="field: column, of accounts and metrics")
    props: dict[str, _Column] = Field(default_factory=dict, description="prop: column, of records and events")
    at_end: dict[str, _Column] = Field(
        default_factory=dict, description="prop: column, of what is only known once the record has ended"
    )


class ImportDocument(MappingDocument):
    """How the rows of a file become facts."""

    file: Annotated[str, Field(pattern=r"^[^/\\][^\\]*$", max_length=200)] = Field(
        description="a file in the folder that is imported: CSV, JSON Lines (.jsonl) or Parquet"
    )

    @field_validator("file")
    @classmethod
    def _stays_in_the_folder(cls, file: str) -> str:
        if ".." in file.split("/"):
            raise PydanticCustomError("PB509", "a file lies in the folder that is imported", {"hint": "leave .. out"})
        return file


class SourceDocument(MappingDocument):
    """How the rows of another database become facts."""

    address_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] = Field(
        description="the environment variable with the database's address, as SQLAlchemy writes it"
    )
    # Without a number behind the letters of all scripts: with one, the pattern takes a hundred times as long to build.
    table: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$", max_length=200)] | None = Field(
        None, description="the table or view to read, with its schema where it needs one"
    )
    query: Annotated[str, Field(min_length=1, max_length=20_000)] | None = Field(
        None, description="instead of a table: a SELECT, without a condition on the cursor"
    )
    cursor: _Column = Field(description="a column that only grows, such as updated_at: where the next pull goes on")
    every: Span = Field(Duration(15, "minutes"), description="how often it is read")
    overlap: Span = Field(
        Duration(5, "minutes"), description="how far back the next pull begins, for rows that are committed late"
    )


class WorkspaceDocument(Shape):
    """A tenure.yaml: who we are, and the words our playbooks are written in."""

    name: Line = Field(description="what we are called")
    zone: Zone = Field("UTC", description="our time zone, such as Europe/Berlin; an account's own goes first")
    calendar: Calendar = Field(default_factory=Calendar, description="which days are business days")
    sender: Sender | None = Field(None, description="whom mail comes from unless a playbook says otherwise")
    postal_address: Line | None = Field(None, description="stands below every mail")
    roles: Roles = Field(default_factory=Roles, description="whom the roles mean")
    people: tuple[Person, ...] = Field((), description="our colleagues")
    fields: dict[_FieldName, Annotated[FieldDocument, BeforeValidator(_prop_in_short), _InShort()]] = Field(
        default_factory=dict, description="what accounts have: account.NAME: type"
    )
    records: dict[Word, dict[Word, _Prop]] = Field(
        default_factory=dict, description="rows of an account with a start and an end, such as subscriptions"
    )
    events: dict[Word, dict[Word, _Prop] | None] = Field(
        default_factory=dict, description="things that happen at one moment; without props, any are taken"
    )
    metrics: dict[Word, ExpressionText] = Field(
        default_factory=dict, description="NAME: an expression over records and events, or `number`, told from outside"
    )
    feeds: dict[Word, Feed] = Field(
        default_factory=dict, description="when the silence of an event's source is no news"
    )
    imports: dict[Word, ImportDocument] = Field(default_factory=dict, description="how files become facts")
    sources: dict[Word, SourceDocument] = Field(
        default_factory=dict, description="how the rows of other databases become facts, pulled regularly"
    )
    generate: Generate = Field(default_factory=Generate, description="what the source lacks and a rule makes up")
    connectors: dict[Word, dict[Word, bool | float | str]] = Field(
        default_factory=dict,
        description="what the world is reached by: email: { provider: stored }, NAME: { kind: webhook, url: … }",
    )
    mail: MailPolicy = Field(default_factory=MailPolicy, description="what holds for every mail, whatever the playbook")
    breaker: Breaker = Field(default_factory=Breaker, description="how much may start at once before a person is asked")
    quarantine: Quarantine = Field(
        default_factory=Quarantine, description="which facts are put aside for a person to look at"
    )
    retention: Retention = Field(default_factory=Retention, description="how long is kept what nothing is decided by")
    surveys: Surveys | None = Field(None, description="how often one contact may be asked")
    reminders: Reminders | None = Field(None, description="where reminders of tasks are said, beside the mail")
    locales: Annotated[tuple[Locale, ...], Field(max_length=50)] = Field(
        (), description="languages customers are written to in; the first is that of texts without a locale"
    )
