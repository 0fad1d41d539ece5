"""What a workspace declares, checked: the value everybody works with; reading it is `workspace_reader`'s business."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from engine.catalogue import BUILT_IN, Catalogue, EventKind, RecordKind, Type
from engine.catalogue import Field as CatalogueField
from engine.scorecards import Scorecard
from engine.values import Condition, Value
from engine.workspace_words import Clock, Count, Country, Line, Span, Weekdays, Zone


class Calendar(Value):
    """Business days: holidays of a country, and the weekend (0 is Monday)."""

    country: Country | None = None
    subdivision: str | None = None
    weekend: Weekdays = (5, 6)


class Sender(Value):
    """Whom mail comes from unless a playbook says otherwise."""

    name: str
    address: str
    reply_to: str | None = None


class Roles(Value):
    """Whom a role means: contacts by a chain of roles, the first that exists; colleagues by a rule."""

    contacts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    staff: dict[str, str] = Field(default_factory=dict)


class Person(Value):
    """A colleague whom the workspace itself names."""

    key: str
    name: str
    email: str | None = None
    role: str = "csm"
    manager: str | None = None


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

    stale_after: Span


class Cell(Value):
    """Where an import finds a value: a column, here or in the row of another import that `key` points to."""

    column: str
    via: str | None = None
    key: str | None = None


class Import(Value):
    """How the rows of a file become facts."""

    name: str
    file: str
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


class OneOf(Value):
    """A value picked from a list by a stable hash of the account's key."""

    one_of: tuple[str, ...]


Rule = OneOf | str
"""A made-up value: a pick, or a text with `{key}` (made fit for an address) and `{name}` of the account."""


class MadeContact(Value):
    """A contact every imported account gets, since the source has none."""

    name: Rule
    email: Rule | None = None
    roles: tuple[str, ...]


class Generate(Value):
    """What the source lacks and a rule makes up, openly."""

    contacts: dict[str, MadeContact] = Field(default_factory=dict)
    fields: dict[str, Rule] = Field(default_factory=dict)


class Connector(Value):
    """A provider by name with its settings; secrets are names of environment variables (`…_env`)."""

    provider: str
    settings: dict[str, bool | float | str] = Field(default_factory=dict)


class Cap(Value):
    """At most so many mails to one contact or account within a time, over all playbooks."""

    per: Literal["contact", "account"]
    at_most: Count
    within: Span
    then: Literal["wait", "skip"] = "wait"


class Window(Value):
    """When mail may leave, by the recipient's clock; `closes` before `opens` crosses midnight."""

    opens: Clock
    closes: Clock
    days: Weekdays = (0, 1, 2, 3, 4)
    business_days_only: bool = False
    then: Literal["wait", "skip"] = "wait"

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.opens == self.closes:
            raise PydanticCustomError("PB510", "the window never opens", {"hint": "closes: a later clock time"})
        return self


class MailPolicy(Value):
    """What holds for every mail, whatever the playbook."""

    caps: tuple[Cap, ...] = ()
    window: Window | None = None


class Workspace(Value):
    """Everything that is declared outside the playbooks."""

    name: Line
    zone: Zone = "UTC"
    calendar: Calendar = Calendar()
    sender: Sender | None = None
    postal_address: Line | None = None
    roles: Roles = Roles()
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
    generate: Generate = Generate()
    connectors: dict[str, Connector] = Field(default_factory=dict)
    mail: MailPolicy = MailPolicy()
    scorecards: tuple[Scorecard, ...] = ()
    """In the order in which cards of one id are tried."""

    def catalogue(self) -> Catalogue:
        """The names expressions may read, and their types."""
        computed = {one.name: one.field() for one in self.computed}
        base = base_catalogue(self.fields, self.pushed, computed, self.records, self.events)
        return _with_cards(base, self.scorecards)

    def told(self) -> tuple[CatalogueField, ...]:
        """The fields whose values come from outside: neither computed nor scored."""
        made = {one.name for one in self.computed} | {field.name for card in self.scorecards for field in card.fields()}
        return tuple(field for field in self.catalogue().fields.values() if field.name not in made)

    def cards(self) -> Mapping[str, tuple[Scorecard, ...]]:
        """The scorecards by id, each with its variants in order."""
        grouped: dict[str, tuple[Scorecard, ...]] = {}
        for card in self.scorecards:
            grouped[card.id] = (*grouped.get(card.id, ()), card)
        return grouped

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls.model_validate(dict(data))


def load_workspace(files: Mapping[str, bytes]) -> Workspace:
    """The workspace in these files (path inside the workspace folder → content); DocumentError with all problems.

    Reads tenure.yaml and scorecards/*.yaml; other files are not its business.
    """
    from engine.workspace_reader import read_workspace

    return read_workspace(files)


def base_catalogue(
    fields: Iterable[CatalogueField],
    pushed: Iterable[str],
    computed: Mapping[str, CatalogueField],
    records: Mapping[str, Mapping[str, CatalogueField]],
    events: Mapping[str, Mapping[str, CatalogueField] | None],
) -> Catalogue:
    known = dict(BUILT_IN) | {field.name: field for field in fields}
    known |= {f"metric.{name}": CatalogueField(name=f"metric.{name}", type="number") for name in pushed}
    return Catalogue(
        fields=known | dict(computed),
        records={name: RecordKind(name=name, props=props) for name, props in records.items()},
        events={name: EventKind(name=name, props=props) for name, props in events.items()},
    )


def _with_cards(base: Catalogue, cards: Iterable[Scorecard]) -> Catalogue:
    fields = dict(base.fields)
    for card in cards:
        for field in card.fields():
            before = fields.get(field.name)
            both = tuple(dict.fromkeys((*(before.options if before else ()), *field.options)))
            fields[field.name] = CatalogueField(name=field.name, type=field.type, options=both, says=field.says)
    return Catalogue(fields=fields, records=base.records, events=base.events)
