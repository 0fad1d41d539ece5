"""What people write about accounts."""

import sqlalchemy as sa

from store.schema.base import AT, TEXT, account_, id_, metadata

account_note = sa.Table(
    "account_note",
    metadata,
    id_(),
    account_(),
    sa.Column("at", AT, nullable=False),
    sa.Column("by", TEXT, nullable=False, comment="person.key"),
    sa.Column("text", TEXT, nullable=False),
    sa.Index(None, "account_id", sa.text("at DESC")),
)
