"""Runs: where each stands, what it waits for, what it did and what it must be told."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

run = sa.Table(
    "run",
    metadata,
    # Drawn before the row is written, as the workflow's id contains it.
    sa.Column("id", ID, sa.Identity(), primary_key=True),
    sa.Column("playbook", TEXT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("plan_hash", TEXT, nullable=False),
    account_(),
    sa.Column("entry_key", TEXT, nullable=False, server_default=""),
    sa.Column("exclusive", TEXT),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("workflow_id", TEXT, nullable=False, unique=True),
    sa.Column("state", TEXT, nullable=False, server_default="open", comment="open | ended"),
    sa.Column(
        "standing", TEXT, nullable=False, server_default="starting", comment="starting | going | resting | stuck"
    ),
    sa.Column("started_at", AT, nullable=False),
    sa.Column("ended_at", AT),
    sa.Column("outcome", TEXT, comment="goal | exit | stop | end | failed"),
    sa.Column("reason", TEXT, comment="the reason every ended run has"),
    sa.Column("at_step", JSONB, nullable=False, server_default="[]", comment="paths where it waits, for people"),
    sa.Column("due_at", AT, comment="the next moment it waits for; the driver of a virtual clock wakes it"),
    sa.Column("heard", ID, nullable=False, server_default="0", comment="the last outbox number it has heard at rest"),
    sa.Column("position", JSONB, comment="engine.turns.position.Position at its last rest, if Temporal loses it"),
    sa.Column("asked_at", AT, comment="Temporal's time when it was told of that rest; an older word comes too late"),
    sa.Column("outbox_n", ID, nullable=False, server_default="0", comment="the last number given out"),
    sa.Index(
        "run_one_per_key",
        "playbook",
        "account_id",
        "entry_key",
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.Index(
        "run_one_per_group",
        "exclusive",
        "account_id",
        unique=True,
        postgresql_where=sa.text("state = 'open' and exclusive is not null"),
    ),
    sa.Index("run_versions_idx", "playbook", "version", postgresql_where=sa.text("state = 'open'")),
    sa.Index("run_due_idx", "due_at", postgresql_where=sa.text("state = 'open'")),
    sa.Index(None, "account_id", "playbook", sa.text("ended_at DESC")),
)

watch = sa.Table(
    "watch",
    metadata,
    id_(),
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", TEXT, nullable=False, comment="goal, exit/0, or the path of the wait"),
    account_(),
    sa.Column("condition", JSONB, comment="an expression in JSON form; of an event: asked of its row, or null"),
    sa.Column(
        "means",
        TEXT,
        sa.Computed("md5(condition::text)", persisted=True),
        comment="of the condition: those that ask the same are looked at together",
    ),
    sa.Column("dwell", TEXT, comment="a duration in words: the condition must hold this long"),
    sa.Column("reason", TEXT, comment="what an exit ends the run with"),
    sa.Column("since", AT, comment="true since this sweep"),
    sa.Column("due_at", AT, index=True),
    sa.Column("suspended_at", AT),
    sa.Column("event", TEXT),
    sa.Column("opened_at", AT, nullable=False, comment="events from before do not count"),
    sa.Column("met_at", AT),
    sa.UniqueConstraint("run_id", "key"),
    sa.Index(None, "account_id", postgresql_where=sa.text("met_at is null")),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("step", TEXT, primary_key=True),
    sa.Column("visit", sa.Integer, primary_key=True),
    sa.Column("effect", TEXT, primary_key=True, comment="the act's verb"),
    sa.Column("recipient", TEXT, primary_key=True, server_default="", comment="a contact's id for mail, else empty"),
    sa.Column("receipt", JSONB, nullable=False, comment="engine.turns.runtime.Receipt"),
    sa.Column("at", AT, nullable=False),
)

trace = sa.Table(
    "trace",
    metadata,
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", AT, nullable=False),
    sa.Column("path", TEXT, nullable=False),
    sa.Column("what", TEXT, nullable=False),
    sa.Column("detail", JSONB, nullable=False, server_default="{}"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    id_(),
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("n", ID, nullable=False, comment="the run's own number: 1 is the start, then signals in order"),
    sa.Column("kind", TEXT, nullable=False, comment="start | tell"),
    sa.Column("lane", TEXT, nullable=False, server_default="", comment="kind and playbook: lanes take turns"),
    sa.Column("fact", JSONB, comment="engine.turns.runtime.Fact in JSON; null for a start"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("held_until", AT, comment="by the real clock: until then a person may take it back"),
    sa.Column("delivered_at", AT),
    sa.Column("note", TEXT, comment="such as: the run had ended"),
    sa.UniqueConstraint("run_id", "n"),
    sa.Index("outbox_open_idx", "lane", "id", postgresql_where=sa.text("delivered_at is null")),
)
