"""What a workspace declares, checked: the value everybody works with; reading it is `reader`'s business."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field

from engine.catalogue import BUILT_IN, Catalogue, EventKind, RecordKind, Type
from engine.catalogue import Field as CatalogueField
from engine.documents.scalars import Country, Line, Span, Weekdays, Zone
from engine.expressions import Expression
from engine.health.scorecards import Scorecard
from engine.mail.policy import MailPolicy
from engine.surveys import ANSWERED, SCALES
from engine.values import Condition, Value, canonical_json, content_hash
from engine.workspace.breaker import Breaker
from engine.workspace.quarantine import Quarantine
from engine.workspace.retention import Retention


class Calendar(Value):
    """Business days: holidays of a country, and the weekend (0 is Monday)."""

    country: Country | None = Field(None, description="whose holidays count: ISO 3166, such as DE")
    subdivision: str | None = Field(None, description="a part of the country with holidays of its own, such as BY")
    weekend: Weekdays = Field((5, 6), description="days that are no business days: [saturday, sunday]")


class Sender(Value):
    """Whom mail comes from unless a playbook says otherwise."""

    name: str = Field(description="the name mailboxes show")
    address: str = Field(description="the address mail comes from")
    reply_to: str | None = Field(None, description="where replies go; default: the address")


class Roles(Value):
    """Whom a role means: contacts by a chain of roles, the first that exists; colleagues by a rule."""

    contacts: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="a customer's people: champion: [champion, admin, any], the first who is there",
    )
    staff: dict[str, str] = Field(
        default_factory=dict,
        description="colleagues: a field, a manager, or a pool: account.csm, manager of csm, next of onboarding, "
        "least loaded of support",
    )


class Person(Value):
    """A colleague whom the workspace itself names."""

    key: str = Field(description="how fields such as account.csm name this person")
    name: str = Field(description="what people call them")
    email: str | None = Field(None, description="their address")
    role: str = Field("csm", description="what they are, in one word")
    manager: str | None = Field(None, description="the key of their manager")


class Computed(Value):
    """A field or metric that is worked out: by an expression, or as the first case whose condition holds."""

    name: str
    """The field's full name, such as account.arr or metric.logins_30d."""
    type: Type
    options: tuple[str, ...] = ()
    says: str = ""
    expression: Condition | None = None
    cases: tuple[tuple[str, Condition], ...] = ()

    def field(self) -> CatalogueField:
        return CatalogueField(name=self.name, type=self.type, options=self.options, says=self.says)

    def conditions(self) -> tuple[Condition, ...]:
        return (self.expression,) if self.expression is not None else tuple(condition for _, condition in self.cases)

    def reads(self) -> tuple[str, ...]:
        """The fields it needs, sorted."""
        return tuple(sorted({name for condition in self.conditions() for name in condition.reads}))


class Feed(Value):
    """Where events come from, and how long it may be silent before its counts are unknown."""

    stale_after: Span = Field(description="silent for longer than this, its counts are unknown and not 0")


class Cell(Value):
    """Where an import finds a value: a column, here or in the row of another import that `key` points to."""

    column: str
    via: str | None = None
    key: str | None = None


class Import(Value):
    """How the rows of a file, or of a query, become facts."""

    name: str
    file: str
    """Empty for a query."""
    makes: Literal["account", "contact", "record", "event", "metrics"]
    of: str = ""
    """The kind of record or type of event."""
    account: Cell | None = None
    id: str | None = None
    at: str | None = None
    ends: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    """By field or prop, the column."""
    at_end: dict[str, str] = Field(default_factory=dict)
    """Props that are only known once the record has ended."""

    @property
    def source(self) -> str:
        """Where its rows come from, in words."""
        return f"import {self.name}" if self.file else f"pull {self.name}"


class Pull(Value):
    """Another database that rows are pulled from, and how they become facts."""

    mapping: Import
    address_env: str
    table: str = ""
    query: str = ""
    """Instead of a table."""
    cursor: str
    every: Span
    overlap: Span

    @property
    def name(self) -> str:
        return self.mapping.name


class OneOf(Value):
    """A value picked from a list by a stable hash of the account's key."""

    one_of: tuple[str, ...] = Field(description="the values to pick from")


Rule = OneOf | str
"""A made-up value: a pick, or a text with `{key}` (made fit for an address) and `{name}` of the account."""


class MadeContact(Value):
    """A contact every imported account gets, since the source has none."""

    name: Rule = Field(description="what the contact is called")
    email: Rule | None = Field(None, description="the address, such as champion@{key}.example")
    roles: tuple[str, ...] = Field(description="the contact roles the contact has")


class Generate(Value):
    """What the source lacks and a rule makes up, openly."""

    contacts: dict[str, MadeContact] = Field(default_factory=dict, description="contacts that every account gets")
    fields: dict[str, Rule] = Field(default_factory=dict, description="account.NAME: a text, or { one_of: […] }")


ConnectorKind = Literal["email", "webhook", "chat", "replies"]
REPLIES = "replies"
"""The connector that replies come through."""


class Connector(Value):
    """A provider by name with its settings; secrets are names of environment variables (`…_env`)."""

    kind: ConnectorKind = "email"
    provider: str
    settings: dict[str, bool | float | str] = Field(default_factory=dict)


class Reminders(Value):
    """Where reminders and escalations of tasks are said, beside the mail to whom they concern."""

    channel: str = Field(description="a connector of kind chat, such as cs_team")


class Surveys(Value):
    """How often one contact may be asked, over all playbooks and kinds of survey."""

    at_most_every: Span = Field(description="a contact is asked no more often than this, such as 90 days")


class Workspace(Value):
    """Everything that is declared outside the playbooks."""

    name: Line
    zone: Zone = "UTC"
    calendar: Calendar = Field(default_factory=Calendar)
    sender: Sender | None = None
    postal_address: Line | None = None
    roles: Roles = Field(default_factory=Roles)
    people: tuple[Person, ...] = ()
    fields: tuple[CatalogueField, ...] = ()
    """Told fields that the workspace adds or declares anew."""
    records: dict[str, dict[str, CatalogueField]] = Field(default_factory=dict)
    events: dict[str, dict[str, CatalogueField] | None] = Field(default_factory=dict)
    pushed: tuple[str, ...] = ()
    """Metrics told from outside as numbers, by short name."""
    computed: tuple[Computed, ...] = ()
    """Derived fields and metrics in an order in which each finds what it needs."""
    feeds: dict[str, Feed] = Field(default_factory=dict)
    imports: tuple[Import, ...] = ()
    pulls: dict[str, Pull] = Field(default_factory=dict)
    generate: Generate = Field(default_factory=Generate)
    connectors: dict[str, Connector] = Field(default_factory=dict)
    mail: MailPolicy = Field(default_factory=MailPolicy)
    surveys: Surveys | None = None
    reminders: Reminders | None = None
    quarantine: Quarantine = Field(default_factory=Quarantine)
    retention: Retention = Field(default_factory=Retention)
    breaker: Breaker = Field(default_factory=Breaker)
    locales: tuple[str, ...] = ()
    """Languages customers are written to in, as RFC 5646 has them; the first is that of texts without a locale."""
    scorecards: tuple[Scorecard, ...] = ()
    """In the order in which cards of one id are tried."""

    def catalogue(self) -> Catalogue:
        """The names expressions may read, and their types."""
        return self._catalogue

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Another workspace has another catalogue and hash; pydantic would copy what was worked out of the old one."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    @cached_property
    def checked(self) -> dict[tuple[str, str | None, str], Expression]:
        """Expressions over facts alone that were found right, by text, wanted type and rows: playbooks repeat them."""
        return {}

    @cached_property
    def _catalogue(self) -> Catalogue:
        computed = {one.name: one.field() for one in self.computed}
        base = base_catalogue(self.fields, self.pushed, computed, self.records, self.events, retention=self.retention)
        return _with_cards(base, self.scorecards)

    def told(self) -> tuple[CatalogueField, ...]:
        """The fields whose values come from outside: neither computed nor scored."""
        made = {one.name for one in self.computed} | {field.name for card in self.scorecards for field in card.fields()}
        return tuple(field for field in self.catalogue().fields.values() if field.name not in made)

    def reply_address(self) -> str | None:
        """Where replies to mails reach Tenure, where a connector for them is declared; each mail has one of its own."""
        connector = self.connectors.get(REPLIES)
        address = connector.settings.get("address") if connector else None
        return address if isinstance(address, str) else None

    def conditions(self) -> Iterator[Condition]:
        """Every expression that a computed field or a scorecard is worked out by."""
        for one in self.computed:
            yield from one.conditions()
        for card in self.scorecards:
            if card.applies_to is not None:
                yield card.applies_to
            yield from (component.input for component in card.components)

    def sources(self) -> tuple[Import, ...]:
        """All that rows come from."""
        return (*self.imports, *(one.mapping for one in self.pulls.values()))

    def cards(self) -> Mapping[str, tuple[Scorecard, ...]]:
        """The scorecards by id, each with its variants in order."""
        grouped: dict[str, tuple[Scorecard, ...]] = {}
        for card in self.scorecards:
            grouped[card.id] = (*grouped.get(card.id, ()), card)
        return grouped

    @cached_property
    def hash(self) -> str:
        return content_hash(canonical_json(self))

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls.model_validate(dict(data))


def base_catalogue(
    fields: Iterable[CatalogueField],
    pushed: Iterable[str],
    computed: Mapping[str, CatalogueField],
    records: Mapping[str, Mapping[str, CatalogueField]],
    events: Mapping[str, Mapping[str, CatalogueField] | None],
    *,
    retention: Retention,
) -> Catalogue:
    known = dict(BUILT_IN) | {field.name: field for field in fields}
    known |= {f"metric.{name}": CatalogueField(name=f"metric.{name}", type="number") for name in pushed}
    return Catalogue(
        fields=known | dict(computed),
        records={name: RecordKind(name=name, props=props) for name, props in records.items()},
        events={name: EventKind(name=name, props=props) for name, props in {**_OWN_EVENTS, **events}.items()},
        events_kept=retention.events,
        history_kept=retention.history,
    )


_OWN_EVENTS: Mapping[str, Mapping[str, CatalogueField] | None] = {
    ANSWERED: {
        "survey": CatalogueField(name="survey", type="choice", options=tuple(SCALES), says="the kind of survey"),
        "step": CatalogueField(name="step", type="text", says="the step that asked"),
        "score": CatalogueField(name="score", type="number", says="the answer"),
    }
}
"""Events that Tenure itself tells."""


def _with_cards(base: Catalogue, cards: Iterable[Scorecard]) -> Catalogue:
    fields = dict(base.fields)
    for card in cards:
        for field in card.fields():
            before = fields.get(field.name)
            both = tuple(dict.fromkeys((*(before.options if before else ()), *field.options)))
            fields[field.name] = CatalogueField(name=field.name, type=field.type, options=both, says=field.says)
    return replace(base, fields=fields)
