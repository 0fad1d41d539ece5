"""What runs tell other programs and channels."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

errand = sa.Table(
    "errand",
    metadata,
    id_(),
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    account_(),
    sa.Column("kind", TEXT, nullable=False, comment="webhook | chat"),
    sa.Column("connector", TEXT, nullable=False, comment="its name in the workspace"),
    sa.Column("request_id", TEXT, nullable=False, unique=True, comment="stable across retries"),
    sa.Column("body", JSONB, nullable=False, comment="what is sent; for a chat {text}"),
    sa.Column("returns", JSONB, nullable=False, server_default="{}", comment="names to read from the answer: types"),
    sa.Column(
        "state",
        TEXT,
        nullable=False,
        server_default="prepared",
        comment="prepared | handing_over | delivered | refused | skipped | unknown",
    ),
    sa.Column("reason", TEXT),
    sa.Column("status", sa.Integer, comment="of the last answer"),
    sa.Column("returned", JSONB, comment="what was read from the answer"),
    sa.Column(
        "resends", sa.SmallInteger, nullable=False, server_default="0", comment="how often an unknown may repeat"
    ),
    sa.Column("due_at", AT, nullable=False, comment="not before; parked rows wait here"),
    sa.Column("give_up_at", AT, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("settled_at", AT),
    sa.UniqueConstraint("run_id", "step", "visit"),
    sa.Index("errand_due_idx", "due_at", postgresql_where=sa.text("state in ('prepared', 'handing_over')")),
    sa.Index(None, "account_id"),
    comment="what runs tell other programs and channels",
)
