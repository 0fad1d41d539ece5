"""What decisions read, written by the sweep alone: current values, scores and their past."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

account_now = sa.Table(
    "account_now",
    metadata,
    sa.Column("account_id", ID, sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    # A typed column per catalogue field, named as the field ("account.arr", "metric.nps", "health.score"), and the
    # trigger masks seen_0, tripped_0, holding_0, … are added by store.columns when a workspace is deployed.
    postgresql_with={"fillfactor": 85},
)

score = sa.Table(
    "score",
    metadata,
    id_(),
    account_(),
    sa.Column("card", TEXT, nullable=False),
    sa.Column("at", AT, nullable=False, comment="the sweep's instant"),
    sa.Column("value", sa.Float, comment="null: unknown"),
    sa.Column("band", TEXT),
    sa.Column("known_weight", sa.Float, nullable=False),
    sa.Column(
        "contributions", JSONB, nullable=False, comment="[{id, value, points, weight, state}] in the card's order"
    ),
    # With value and band: a line of forty accounts is looked up at a thousand instants.
    sa.Index(None, "account_id", "card", sa.text("at DESC"), sa.text("id DESC"), postgresql_include=["value", "band"]),
    sa.Index(None, "at", postgresql_include=["account_id"]),
    comment="appended when value or band changes",
)

value_history = sa.Table(
    "value_history",
    metadata,
    id_(),
    account_(),
    sa.Column("field", TEXT, nullable=False),
    sa.Column("at", AT, nullable=False),
    sa.Column("value", sa.Float),
    sa.Index(None, "account_id", "field", sa.text("at DESC")),
    sa.Index(None, "at", postgresql_include=["account_id"]),
    comment="metrics and scores whose past a trigger looks at (drops_by within), appended when the value changes",
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
