"""What decisions read, written by the sweep alone: values, scores and their past; and what overrides a score."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

account_now = sa.Table(
    "account_now",
    metadata,
    sa.Column("account_id", ID, sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    # A typed column per catalogue field, named as the field ("account.arr", "metric.nps", "health.score"), and the
    # trigger masks seen_0, tripped_0, holding_0, … are added by store.current.columns when a workspace is deployed.
    postgresql_with={"fillfactor": 85},
)

# The histories are without foreign keys: of what the sweep writes, checking them again is a tenth. An account has a row
# of account_now first, and who removes an account removes its past.
score = sa.Table(
    "score",
    metadata,
    sa.Column("id", ID, sa.Identity(always=True), nullable=False, comment="the order of writing"),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("card", TEXT, nullable=False),
    sa.Column("at", AT, nullable=False, comment="the sweep's instant"),
    sa.Column("value", sa.Float, comment="null: unknown"),
    sa.Column("band", TEXT),
    sa.Column("known_weight", sa.Float, nullable=False),
    # What each component brought in, in the card's order: as arrays, which cost a sweep little.
    sa.Column("made_by", TEXT, comment="score_parts.key; null, as the next three: no card applied"),
    sa.Column("inputs", ARRAY(sa.Float), comment="true is 1"),
    sa.Column("points", ARRAY(sa.Float), comment="null: it counts for nothing"),
    sa.Column("states", TEXT, comment="a letter for each: k known, m missing, s stale"),
    sa.Column(
        "override_id", ID, comment="score_override.id, where a person set the value; the contributions are the card's"
    ),
    # With value and band: a line of forty accounts is looked up at a thousand instants. In place of a primary key.
    sa.Index(
        None,
        *("account_id", "card", sa.text("at DESC"), sa.text("id DESC")),
        unique=True,
        postgresql_include=["value", "band"],
    ),
    sa.Index(None, "at", postgresql_include=["account_id"]),
    comment="appended when value or band changes",
)

score_parts = sa.Table(
    "score_parts",
    metadata,
    sa.Column("key", TEXT, primary_key=True, comment="a hash of the parts"),
    sa.Column("parts", JSONB, nullable=False, comment="[{id, weight, type}] in the card's order"),
    comment="what the numbers beside a score are of: a row for every card that ever made one",
)

score_override = sa.Table(
    "score_override",
    metadata,
    id_(),
    account_(),
    sa.Column("card", TEXT, nullable=False),
    sa.Column("value", sa.Float, nullable=False, comment="0 to 100, in place of what the card comes to"),
    sa.Column("author", TEXT, nullable=False, comment="person.key, or what stands for a program"),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("since", AT, nullable=False),
    sa.Column("until", AT, nullable=False, comment="from then on the card's own score is back"),
    sa.Column("ended_at", AT, comment="ended, or replaced by another, before its time"),
    sa.Column("ended_by", TEXT),
    sa.Index(None, "account_id", "card"),
    sa.Index(None, "since", postgresql_include=["account_id"]),
    sa.Index(None, "until", postgresql_include=["account_id"]),
    sa.Index(None, "ended_at", postgresql_include=["account_id"]),
    comment="a person's word on a score, for a while; one at a time in force for an account and card",
)

value_history = sa.Table(
    "value_history",
    metadata,
    sa.Column("id", ID, sa.Identity(always=True), nullable=False, comment="the order of writing"),
    sa.Column("account_id", ID, nullable=False),
    sa.Column("field", TEXT, nullable=False),
    sa.Column("at", AT, nullable=False),
    sa.Column("value", sa.Float),
    # In place of a primary key.
    sa.Index(None, "account_id", "field", sa.text("at DESC"), sa.text("id DESC"), unique=True),
    sa.Index(None, "at", postgresql_include=["account_id"]),
    comment="metrics and scores whose past a trigger looks at (drops_by within), appended when the value changes",
)

score_book = sa.Table(
    "score_book",
    metadata,
    id_(),
    sa.Column("card", TEXT, nullable=False),
    sa.Column("csm", TEXT, comment="whose book"),
    sa.Column("lifecycle", TEXT),
    sa.Column("band", TEXT, comment="null: unknown, or no card applied"),
    sa.Column("accounts", ID, nullable=False),
    sa.Column("arr", sa.Numeric, nullable=False, comment="the sum of what is known"),
    sa.Column("scored", ID, nullable=False, comment="accounts with a score"),
    sa.Column("score_sum", sa.Numeric, nullable=False),
    sa.Index(None, "card", "csm", "lifecycle", "band", unique=True, postgresql_nulls_not_distinct=True),
    comment="every book now; each projection adds and takes away what it changes",
)

score_day = sa.Table(
    "score_day",
    metadata,
    id_(),
    sa.Column("day", sa.Date, nullable=False, comment="in the workspace's zone; as it was when the day ended"),
    sa.Column("card", TEXT, nullable=False),
    sa.Column("csm", TEXT, comment="whose book"),
    sa.Column("lifecycle", TEXT),
    sa.Column("band", TEXT, comment="null: unknown, or no card applied"),
    sa.Column("accounts", sa.Integer, nullable=False),
    sa.Column("arr", sa.Float, nullable=False, comment="the sum of what is known"),
    sa.Column("scored", sa.Integer, nullable=False, comment="accounts with a score"),
    sa.Column("score_sum", sa.Float, nullable=False),
    sa.Index(None, "day", "card", "csm", "lifecycle", "band", unique=True, postgresql_nulls_not_distinct=True),
    comment="every book at the end of every day, written once by the first sweep after it",
)
