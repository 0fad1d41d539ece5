"""What Tenure can be told from outside: one closed, typed union; it knows neither files nor tables.

A time may be a date without a clock; it then means midnight in the account's zone, which `dated_in` fills in.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictStr,
    Tag,
    TypeAdapter,
    field_validator,
)

from engine.calendars import local_midnight
from engine.values import content_hash

MAX_KEY, MAX_TEXT, MAX_PROPS = 200, 4_000, 100


def _finite(value: object) -> object:
    # Whole numbers become doubles here, once: that is what every back end computes with.
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 10**300 else math.inf
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number must be finite; leave it out or write null where there is none")
    return value


def _clean(text: str) -> str:
    if "\x00" in text:
        raise ValueError("text must not contain NUL characters")
    return text


def _within_reason(value: datetime | date) -> datetime | date:
    # A slip such as 0202-05-31, or 9999-12-31 for "never", would fall off the calendar in some zone.
    if not 1900 <= value.year <= 2200:
        raise ValueError("a date lies between 1900 and 2200; leave it out where there is none")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _date_or_instant(value: object) -> object:
    # Pydantic reads numbers as seconds and takes naive times; here a time is ISO text, a date, or an aware instant.
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("write a date as 2024-05-31 or an instant as 2024-05-31T08:00:00Z") from error
    if not isinstance(value, date):  # a datetime is one, too
        # Pydantic reports a ValueError and lets a TypeError through.
        raise ValueError("write a date as 2024-05-31 or an instant as 2024-05-31T08:00:00Z")  # noqa: TRY004
    return value


Text = Annotated[StrictStr, Field(max_length=MAX_TEXT), AfterValidator(_clean)]
Key = Annotated[StrictStr, Field(min_length=1, max_length=MAX_KEY), AfterValidator(_clean)]
Number = Annotated[StrictFloat, BeforeValidator(_finite)]
Scalar = Annotated[StrictBool | Number | Text | None, Field(union_mode="left_to_right")]
Tags = Annotated[list[Annotated[Text, Field(min_length=1, max_length=MAX_KEY)]], Field(max_length=100)]
_TagsOrScalar = Annotated[
    Annotated[Tags, Tag("list")] | Annotated[Scalar, Tag("scalar")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "scalar"),
]
Values = Annotated[dict[Key, _TagsOrScalar], Field(max_length=MAX_PROPS)]
"""Of an account's own fields, some of which may be tags."""
Props = Annotated[dict[Key, Scalar], Field(max_length=MAX_PROPS)]
Time = Annotated[
    AwareDatetime | date,
    Field(union_mode="left_to_right"),
    BeforeValidator(_date_or_instant),
    AfterValidator(_within_reason),
]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class AccountFact(_Told):
    """Values of an account's own fields; the first one makes the account."""

    kind: Literal["account"] = "account"
    key: Key
    fields: Values = Field(default_factory=dict)
    """By name; `segment` is short for `account.segment`."""
    at: Time | None = None
    """When it was true; without it, from the instant Tenure learns it."""

    @field_validator("fields")
    @classmethod
    def _in_full(cls, fields: dict[str, Any]) -> dict[str, Any]:
        return {name if "." in name else f"account.{name}": value for name, value in fields.items()}


class ContactFact(_Told):
    """A person at the customer's."""

    kind: Literal["contact"] = "contact"
    account: Key
    key: Key
    name: Text
    first_name: Text | None = None
    email: Text | None = None
    roles: Annotated[tuple[Key, ...], Field(max_length=20, strict=False)] = ()
    zone: Text | None = None
    locale: Text | None = None
    do_not_contact: bool = False
    at: Time | None = None


class PersonFact(_Told):
    """A colleague: somebody tasks are given to."""

    kind: Literal["person"] = "person"
    key: Key
    name: Text
    email: Text | None = None
    role: Key = "csm"
    manager: Key | None = None


class RecordFact(_Told):
    """Something an account has for a time: a subscription, a ticket. A later version replaces it as a whole."""

    kind: Literal["record"] = "record"
    record: Key
    """The kind of record, as the workspace declares it."""
    key: Key
    account: Key
    starts_at: Time
    ends_at: Time | None = None
    props: Props = Field(default_factory=dict)
    at: Time | None = None


class EventFact(_Told):
    """Something that happened once. Without a key, equal content is the same event."""

    kind: Literal["event"] = "event"
    type: Key
    key: Key | None = None
    account: Key
    at: Time
    props: Props = Field(default_factory=dict)


class MetricFact(_Told):
    """A number somebody else computed."""

    kind: Literal["metric"] = "metric"
    account: Key
    metric: Key
    value: Number | None
    at: Time | None = None


class ValueLine(NamedTuple):
    """One value of one field of an account, checked already: what facts in great numbers come down to."""

    account: str
    """Its key."""
    field: str
    """In full: account.segment, metric.nps."""
    value: str | None
    """As JSON; None: known to be empty."""
    at: datetime | None
    """Since when it is true; None: since it is learned."""
    learned_at: datetime | None
    """None: with the intake itself."""

    def fact(self) -> "MetricFact":
        """The same as a model; of metrics."""
        number = None if self.value is None else float(self.value)
        return MetricFact(account=self.account, metric=self.field.removeprefix("metric."), value=number, at=self.at)


class EventLine(NamedTuple):
    """One event with a key of its own, checked already; as `ValueLine` is for values."""

    account: str
    """Its key."""
    type: str
    key: str
    at: datetime
    props: str
    """As JSON."""
    learned_at: datetime | None
    """None: with the intake itself."""

    def fact(self) -> "EventFact":
        """The same as a model."""
        return EventFact(type=self.type, key=self.key, account=self.account, at=self.at, props=json.loads(self.props))


IncomingFact = Annotated[
    AccountFact | ContactFact | PersonFact | RecordFact | EventFact | MetricFact, Field(discriminator="kind")
]

FACT: TypeAdapter[IncomingFact] = TypeAdapter(IncomingFact)
"""Reads one fact: `FACT.validate_json(body)`."""

KINDS = ("account", "contact", "person", "record", "event", "metric")


def account_key(fact: IncomingFact) -> str | None:
    """The account a fact is about; none for colleagues."""
    # By kind: to ask Pydantic's models whose instance they are takes three times as long.
    if fact.kind == "account":
        return fact.key
    return None if fact.kind == "person" else fact.account


def has_bare_dates(fact: IncomingFact) -> bool:
    return any(_is_bare(getattr(fact, name)) for name in TIMES[fact.kind])


def dated_in(fact: IncomingFact, zone: str) -> IncomingFact:
    """The fact with every bare date turned into its midnight in the zone."""
    times = {name: getattr(fact, name) for name in TIMES[fact.kind]}
    return fact.model_copy(update={name: local_midnight(day, zone) for name, day in times.items() if _is_bare(day)})


def fact_json(fact: IncomingFact) -> dict[str, Any]:
    """The fact in JSON; `fact_from_json` is its inverse."""
    return fact.model_dump(mode="json", exclude_defaults=True) | {"kind": fact.kind}


def fact_from_json(data: Mapping[str, Any]) -> IncomingFact:
    return FACT.validate_python(dict(data))


def fact_hash(fact: IncomingFact) -> str:
    """The short name of a fact's content; the same for equal facts."""
    text = json.dumps(fact_json(fact), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return content_hash(text)


TIMES: Mapping[str, tuple[str, ...]] = {
    "account": ("at",),
    "contact": ("at",),
    "person": (),
    "record": ("at", "starts_at", "ends_at"),
    "event": ("at",),
    "metric": ("at",),
}
"""The fields that hold a time, by kind of fact."""


def _is_bare(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
