"""What colleagues do: tasks, and the mails they review."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

task = sa.Table(
    "task",
    metadata,
    id_(),
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    account_(),
    sa.Column("title", TEXT, nullable=False),
    sa.Column("description", TEXT, nullable=False, server_default=""),
    sa.Column("checklist", JSONB, nullable=False, server_default="[]", comment="[{text, done, by}]"),
    sa.Column("outcomes", ARRAY(TEXT), nullable=False, comment="what may be answered; ['done'] by default"),
    sa.Column("assignee", TEXT, comment="person.key; null: nobody could be found"),
    sa.Column("state", TEXT, nullable=False, server_default="open", comment="open | done | expired | withdrawn"),
    sa.Column("due_at", AT),
    sa.Column("reminded_at", AT),
    sa.Column("escalated_to", TEXT),
    sa.Column("snoozed_until", AT, comment="by the clock of the book; past ones mean nothing"),
    sa.Column("snoozed_by", TEXT),
    sa.Column(
        "version", sa.Integer, nullable=False, server_default="1", comment="raised by what two people may do at once"
    ),
    sa.Column("outcome", TEXT),
    sa.Column("note", TEXT),
    sa.Column("settled_by", TEXT),
    sa.Column("settled_at", AT),
    sa.Column("created_at", AT, nullable=False),
    sa.UniqueConstraint("run_id", "step", "visit"),
    # All that ranking and counting somebody's open tasks reads: a heap of settled ones is never touched.
    sa.Index(
        None,
        "assignee",
        "due_at",
        postgresql_where=sa.text("state = 'open'"),
        postgresql_include=["id", "account_id", "snoozed_until"],
    ),
    sa.Index("task_due_idx", "due_at", "id", postgresql_where=sa.text("state = 'open'")),
    sa.Index(
        "task_settled_idx", sa.text("settled_at DESC"), sa.text("id DESC"), postgresql_where=sa.text("state <> 'open'")
    ),
    sa.Index(None, "assignee", "id"),
    sa.Index(None, "escalated_to", postgresql_where=sa.text("state = 'open' and escalated_to is not null")),
    sa.Index(None, "settled_by", sa.text("settled_at DESC"), postgresql_where=sa.text("settled_by is not null")),
    sa.Index(None, "account_id", sa.text("created_at DESC")),
)

task_comment = sa.Table(
    "task_comment",
    metadata,
    id_(),
    sa.Column("task_id", ID, sa.ForeignKey("task.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", AT, nullable=False),
    sa.Column("by", TEXT, nullable=False, comment="person.key"),
    sa.Column("text", TEXT, nullable=False),
)

draft = sa.Table(
    "draft",
    metadata,
    sa.Column("task_id", ID, sa.ForeignKey("task.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("contact_id", ID, sa.ForeignKey("contact.id"), nullable=False),
    sa.Column("text_hash", TEXT, sa.ForeignKey("text.hash"), nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("preheader", TEXT, nullable=False, server_default=""),
    sa.Column("body", TEXT, nullable=False, comment="Markdown, filled in; what is sent is this, not the template"),
    sa.Column("edited_by", TEXT),
    comment="mails that wait for a review, beside the reviewer's task",
)
