"""What was told and not taken in, until somebody has looked at it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, TEXT, id_, metadata

quarantine = sa.Table(
    "quarantine",
    metadata,
    id_(),
    sa.Column("source", TEXT, nullable=False, comment="import NAME, pull NAME, api"),
    sa.Column("file", TEXT, comment="the file it stands in"),
    sa.Column("line", sa.Integer),
    sa.Column("code", TEXT, nullable=False, comment="engine.authoring.codes"),
    sa.Column("part", TEXT, nullable=False, server_default="", comment="the column or value that is wrong"),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("cells", JSONB, comment="the row, by column; null for a fact"),
    sa.Column("typed", sa.Boolean, nullable=False, server_default=sa.false(), comment="cells that are not all text"),
    sa.Column("fact", JSONB, comment="engine.facts.IncomingFact in JSON; null for a row"),
    sa.Column("hash", TEXT, nullable=False, unique=True, comment="of source and content: told again, it stays one"),
    sa.Column("state", TEXT, nullable=False, server_default="held", comment="held | released | dropped"),
    sa.Column("found_at", AT, nullable=False),
    sa.Column("settled_at", AT),
    sa.Column("settled_by", TEXT),
    sa.Index(None, "state", "id"),
)
