"""The one clock, and what was deployed: the workspace, playbooks and their texts."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, TEXT, metadata

clock = sa.Table(
    "clock",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("instant", AT, comment="null: the real clock; otherwise the virtual instant that stands until driven on"),
)

beat = sa.Table(
    "beat",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("identity", sa.Uuid, nullable=False, server_default=sa.func.gen_random_uuid(), comment="stays in copies"),
    sa.Column("at", AT, nullable=False, comment="PostgreSQL's clock a minute ago at most, while a worker lives"),
    sa.Column(
        "known_until",
        AT,
        comment="not null: this is a copy of before, and others saw it then; stand still",
    ),
)

workspace = sa.Table(
    "workspace",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("document", JSONB, nullable=False, comment="engine.workspace.Workspace, scorecards included"),
    sa.Column("hash", TEXT, nullable=False),
    sa.Column("deployed_at", AT, nullable=False),
)

playbook = sa.Table(
    "playbook",
    metadata,
    sa.Column("id", TEXT, primary_key=True, comment="the author's word, such as risk-recovery"),
    sa.Column("state", TEXT, nullable=False, server_default="active", comment="active | paused | off"),
    sa.Column("version", sa.Integer, nullable=False, comment="the version that new runs start on"),
)

playbook_version = sa.Table(
    "playbook_version",
    metadata,
    sa.Column("playbook", TEXT, sa.ForeignKey("playbook.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("hash", TEXT, nullable=False, comment="of the compiled playbook, plan and triggers together"),
    sa.Column("plan_hash", TEXT, nullable=False),
    sa.Column(
        "compiled", JSONB, nullable=False, comment="engine.plan.Compiled: plan, triggers, audience, entry, priority"
    ),
    sa.Column("title", TEXT, sa.Computed("compiled ->> 'title'"), comment="lists show it, and need not unpack a plan"),
    sa.Column("source", TEXT, nullable=False, comment="the YAML as written"),
    sa.Column("deployed_at", AT, nullable=False),
)

playbook_change = sa.Table(
    "playbook_change",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("playbook", TEXT, sa.ForeignKey("playbook.id"), nullable=False),
    sa.Column("at", AT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, comment="that new runs start on from then"),
    sa.Column("state", TEXT, nullable=False, comment="active | paused | off"),
    sa.Index("playbook_change_playbook_at_idx", "playbook", "at", "id"),
)

text = sa.Table(
    "text",
    metadata,
    sa.Column("hash", TEXT, primary_key=True),
    sa.Column("content", JSONB, nullable=False, comment="engine.texts.MailText; immutable"),
)

trigger = sa.Table(
    "trigger",
    metadata,
    sa.Column("playbook", TEXT, sa.ForeignKey("playbook.id"), primary_key=True),
    sa.Column("id", TEXT, primary_key=True, comment="the author's id or the hash of the meaning"),
    sa.Column("bit", sa.Integer, unique=True, comment="place in the account masks; null for triggers without memory"),
    sa.Column("live", sa.Boolean, nullable=False, server_default=sa.true(), comment="false once an edit dropped it"),
    sa.Column("since", AT, nullable=False, comment="live since; moments before it never fire"),
)

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("key", TEXT, nullable=False, comment="random; signs the links of mails where no setting gives a key"),
)

told_setting = sa.Table(
    "told_setting",
    metadata,
    sa.Column("name", TEXT, primary_key=True, comment="of a setting that all processes must have alike"),
    sa.Column("fingerprint", TEXT, nullable=False, comment="of its value, as the process has it that started last"),
)
