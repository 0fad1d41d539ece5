"""What the sweep remembers: its work, triggers that dwell or settle, and the crossings it ruled on."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

sweep = sa.Table(
    "sweep",
    metadata,
    id_(),
    sa.Column("at", AT, nullable=False, comment="the instant it decides for"),
    sa.Column(
        "scope", TEXT, nullable=False, server_default="some", comment="some: those in work | all | anew: all, unseen"
    ),
    sa.Column("finished", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("counts", JSONB, nullable=False, server_default="{}"),
)

work = sa.Table(
    "work",
    metadata,
    # Without a foreign key: checking a million rows that live for a moment costs seconds.
    sa.Column("account_id", ID, primary_key=True, autoincrement=False),
    sa.Column("touched", sa.SmallInteger, comment="bits: what was told or came due; null: anything there is"),
    comment="the accounts of which an unfinished sweep has taken something new; empty between sweeps",
)

work_event = sa.Table(
    "work_event",
    metadata,
    sa.Column("event_id", ID, primary_key=True),
    comment="the new events an unfinished sweep has taken",
)

work_playbook = sa.Table(
    "work_playbook",
    metadata,
    sa.Column("playbook", TEXT, primary_key=True),
    comment="the playbooks that have already proposed in the unfinished sweep",
)

trigger_hold = sa.Table(
    "trigger_hold",
    metadata,
    account_(),
    sa.Column("playbook", TEXT, nullable=False),
    sa.Column("trigger", TEXT, nullable=False),
    sa.Column("since", AT, nullable=False, comment="the sweep that first saw the edge"),
    sa.Column("due_at", AT, nullable=False, index=True),
    sa.Column("suspended_at", AT, comment="unknown since then; the dwell does not run"),
    sa.PrimaryKeyConstraint("account_id", "playbook", "trigger"),
    comment="edges that dwell: sparse beside the masks",
)

settling = sa.Table(
    "settling",
    metadata,
    sa.Column("playbook", TEXT, primary_key=True),
    sa.Column("trigger", TEXT, primary_key=True),
    sa.Column("event_id", ID, sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
    account_(),
    sa.Column("due_at", AT, nullable=False, index=True),
    comment="events that may start a playbook once their data had time to arrive",
)

crossing = sa.Table(
    "crossing",
    metadata,
    id_(),
    sa.Column("playbook", TEXT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    account_(),
    sa.Column("at", AT, nullable=False, comment="the sweep's instant"),
    sa.Column("reasons", JSONB, nullable=False, comment="[{trigger, kind, says, values}]: one start, all its reasons"),
    sa.Column(
        "state", TEXT, nullable=False, comment="proposed | started | held_out | held | lapsed | dropped | not_started"
    ),
    sa.Column("why", TEXT, comment="for held, lapsed, dropped, not_started: the obstacle in words"),
    sa.Column("entry_key", TEXT),
    sa.Column("run_id", ID),
    sa.Column("decided_at", AT),
    sa.Column("retry_at", AT, comment="held until then for sure: when its cool-down ends"),
    sa.Column("replaces", ID, comment="the run that was told to end, so that this may start"),
    sa.Column("sweep_id", ID, comment="the sweep that proposed it; null for a start by hand"),
    sa.Column("breaker_id", ID, comment="what held it back with many others; kept when it has started since"),
    sa.Column("let_go", sa.Boolean, nullable=False, server_default=sa.false(), comment="a person lets it start"),
    # By sweep, not by instant: a virtual clock may stand still over several sweeps.
    sa.Index("crossing_proposed_key", "playbook", "account_id", "sweep_id", unique=True),
    sa.Index("crossing_open_idx", "state", "account_id", postgresql_where=sa.text("state in ('proposed', 'held')")),
    sa.Index("crossing_retry_idx", "retry_at", postgresql_where=sa.text("state = 'held'")),
    sa.Index(None, "account_id", "playbook", sa.text("at DESC")),
    sa.Index(None, "run_id", postgresql_where=sa.text("run_id is not null")),
    sa.Index(None, "breaker_id", postgresql_where=sa.text("breaker_id is not null")),
    sa.Index("crossing_entered_idx", "playbook", "decided_at", postgresql_where=sa.text("state = 'started'")),
)

breaker = sa.Table(
    "breaker",
    metadata,
    id_(),
    sa.Column("playbook", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False, comment="entries | shift | feed"),
    sa.Column("why", TEXT, nullable=False),
    sa.Column("at", AT, nullable=False, comment="the sweep's instant"),
    sa.Column("state", TEXT, nullable=False, server_default="open", comment="open | released | dropped"),
    sa.Column("share", sa.Float, nullable=False, server_default="0", comment="percent that may start already"),
    sa.Column("settled_at", AT),
    sa.Column("settled_by", TEXT),
    sa.Column("told_at", AT, comment="when the playbook's owner was written to; null: not yet"),
    sa.Index("breaker_open_key", "playbook", unique=True, postgresql_where=sa.text("state = 'open'")),
    comment="starts that were held back because too much happened at once",
)
