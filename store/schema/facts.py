"""Facts, with two times each: when it was true, and when it was learned."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

account = sa.Table(
    "account",
    metadata,
    id_(),
    sa.Column("key", TEXT, nullable=False, unique=True, comment="the id outside, as the CRM says it"),
    sa.Column("learned_at", AT, nullable=False),
)

account_value = sa.Table(
    "account_value",
    metadata,
    id_(),
    account_(),
    sa.Column("field", TEXT, nullable=False, comment="account.segment, or metric.nps for pushed metrics"),
    sa.Column("value", JSONB, comment="null: known to be empty"),
    sa.Column("at", AT, nullable=False, comment="when it was true; the learning instant where the source does not say"),
    sa.Column("learned_at", AT, nullable=False),
    sa.Index(None, "account_id", "field", sa.text("at DESC"), sa.text("id DESC")),
    sa.Index(None, "at", postgresql_include=["account_id"]),
)

contact = sa.Table(
    "contact",
    metadata,
    id_(),
    account_(),
    sa.Column("key", TEXT, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("first_name", TEXT),
    sa.Column("email", TEXT),
    sa.Column("roles", ARRAY(TEXT), nullable=False, server_default="{}"),
    sa.Column("zone", TEXT),
    sa.Column("locale", TEXT, comment="the language to write in; null: the account's, or the workspace's"),
    sa.Column("do_not_contact", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("at", AT, nullable=False),
    sa.Column("learned_at", AT, nullable=False),
    sa.UniqueConstraint("account_id", "key"),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("key", TEXT, primary_key=True, comment="a colleague: CSM, manager, admin"),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("email", TEXT),
    sa.Column("role", TEXT, nullable=False, server_default="csm"),
    sa.Column("manager", TEXT, comment="the key of another person"),
    sa.Column("learned_at", AT, nullable=False),
)

record = sa.Table(
    "record",
    metadata,
    id_(),
    account_(),
    sa.Column("kind", TEXT, nullable=False, comment="subscription, ticket: declared in the workspace"),
    sa.Column("key", TEXT, nullable=False),
    sa.Column("starts_at", AT, nullable=False),
    sa.Column("ends_at", AT),
    sa.Column("props", JSONB, nullable=False, server_default="{}"),
    sa.Column("at", AT, nullable=False, comment="source time of this version"),
    sa.Column("learned_at", AT, nullable=False),
    sa.Column("superseded_at", AT, comment="null: the version in force"),
    sa.Index("record_kind_key_key", "kind", "key", unique=True, postgresql_where=sa.text("superseded_at is null")),
    sa.Index(None, "kind", "key", "at"),
    sa.Index(None, "account_id", "kind", postgresql_where=sa.text("superseded_at is null")),
    sa.Index(None, "starts_at", postgresql_include=["account_id"]),
    sa.Index(None, "ends_at", postgresql_include=["account_id"]),
)

event = sa.Table(
    "event",
    metadata,
    id_(),
    account_(),
    sa.Column("type", TEXT, nullable=False),
    sa.Column("key", TEXT, nullable=False, comment="the source's id, or the content's hash where it has none"),
    sa.Column("at", AT, nullable=False),
    sa.Column("props", JSONB, nullable=False, server_default="{}"),
    sa.Column("learned_at", AT, nullable=False),
    sa.UniqueConstraint("type", "key"),
    sa.Index(None, "account_id", "type", "at"),
    sa.Index(None, "type", "at", postgresql_include=["account_id"]),
)

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("type", TEXT, primary_key=True, comment="a type of events"),
    sa.Column("stale_after", TEXT, primary_key=True, comment="a duration in words"),
    sa.Column("alive", sa.Boolean, nullable=False),
    comment="whether events came recently enough, as the last projection saw it: a flip concerns every account",
)

kept_since = sa.Table(
    "kept_since",
    metadata,
    sa.Column("what", TEXT, primary_key=True, comment="event.usage, by type; history: values, records and scores"),
    sa.Column("at", AT, nullable=False, comment="what lies before is gone or going, and is not taken in again"),
    sa.Column("gone_until", AT, comment="how far it has been deleted; null: nothing yet"),
    comment="what retention has given up; moved on before anything is deleted, and never back",
)

zone_offset = sa.Table(
    "zone_offset",
    metadata,
    sa.Column("zone", TEXT, primary_key=True),
    sa.Column("since", AT, primary_key=True),
    sa.Column("seconds", sa.Integer, nullable=False, comment="east of UTC, from this instant to the next row's"),
    comment="clocks of the zones in use, worked out by Python: PostgreSQL's own time zone data is never asked",
)

change = sa.Table(
    "change",
    metadata,
    id_(),
    # Without a foreign key, as in `work`: intake has the account locked. Who removes an account removes its changes.
    sa.Column("account_id", ID),
    sa.Column("event_id", ID, comment="set when the change is an event, for runs that wait for it"),
    sa.Column("touched", sa.SmallInteger, comment="bits: what of the account was told; null: anything there is"),
    comment="append-only notes that an account (null: all) is to be looked at; the sweep that took them deletes them",
)

arriving = sa.Table(
    "arriving",
    metadata,
    id_(),
    sa.Column("known_at", AT, nullable=False, index=True),
    sa.Column("fact", JSONB, nullable=False, comment="engine.facts.IncomingFact in JSON"),
    sa.Column("hash", TEXT, nullable=False, unique=True, comment="of the fact: a second import adds nothing"),
    comment="under a virtual clock: facts dated ahead of it, which nobody knows yet",
)
