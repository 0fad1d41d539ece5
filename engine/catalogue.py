"""The names expressions may read and what they hold; knows types, never values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.durations import Duration

Type = Literal["number", "text", "choice", "bool", "date", "instant", "tags"]
"""number: a double; choice: text out of `options`; instant: a moment in UTC; tags: a set of texts, of accounts alone. A
missing value is unknown; an account without tags has none."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One name an expression may read, such as `account.arr` or the prop `billing` of a record."""

    name: str
    type: Type
    options: tuple[str, ...] = ()
    """For a choice: the words it may hold; empty when they are not known."""
    says: str = ""
    """One line for people: docs, the studio, completion."""


@dataclass(frozen=True, kw_only=True)
class RecordKind:
    """Rows of an account with a start and an end, such as subscriptions; `RECORD_WORDS` are known of every kind."""

    name: str
    props: Mapping[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """Things that happen to an account at one moment, `at`."""

    name: str
    props: Mapping[str, Field] | None = field(default_factory=dict)
    """None: not declared. Any prop is then accepted, as a number where one is needed and as text elsewhere."""


RECORD_WORDS: Mapping[str, Type] = {"start": "instant", "end": "instant", "active": "bool", "open": "bool"}
"""Names every record has; `open` and `active` both mean: has started and has not ended. No prop may be called so."""

EVENT_WORDS: Mapping[str, Type] = {"at": "instant"}

CONTACT_WORDS: Mapping[str, Type] = {
    "name": "text",
    "first_name": "text",
    "email": "text",
    "zone": "text",
    "roles": "text",
    "do_not_contact": "bool",
}
"""What contacts have. Roles are asked with `contains`; inside they stand in one text, each between commas."""


def _field(name: str, type_: Type, says: str, options: tuple[str, ...] = ()) -> Field:
    return Field(name=name, type=type_, says=says, options=options)


LIFECYCLE = ("prospect", "trial", "trial_ended", "onboarding", "live", "churned")

BUILT_IN: Mapping[str, Field] = {
    built_in.name: built_in
    for built_in in (
        _field("account.name", "text", "what people call the account"),
        _field("account.segment", "text", "the kind of customer; often redeclared as a choice"),
        _field("account.lifecycle", "choice", "where the account stands with us", LIFECYCLE),
        _field("account.arr", "number", "annual recurring revenue, in the workspace's currency"),
        _field("account.signup_date", "date", "when the account was opened"),
        _field("account.renewal_date", "date", "when the current term ends"),
        _field("account.country", "text", "ISO 3166 code; gives the holidays"),
        _field("account.zone", "text", "IANA time zone; gives the days"),
        _field("account.tags", "tags", "words put on the account, by people and playbooks"),
        _field("account.locale", "text", "the language to write in, such as de, where a contact has none"),
        _field("account.do_not_contact", "bool", "true: nobody there is written to, whatever the playbook"),
        _field("account.parent", "text", "the id of the account it belongs to, such as its group's"),
        _field("account.csm", "text", "key of the person who looks after the account"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything a workspace declares that expressions may name."""

    fields: Mapping[str, Field] = field(default_factory=lambda: BUILT_IN)
    """By full name; a workspace lays its own over `BUILT_IN`."""
    records: Mapping[str, RecordKind] = field(default_factory=dict)
    events: Mapping[str, EventKind] = field(default_factory=dict)
    events_kept: Duration | None = None
    history_kept: Duration | None = None
    """How far back expressions may look; None: to the beginning."""

    def field(self, name: str) -> Field | None:
        return self.fields.get(name)
