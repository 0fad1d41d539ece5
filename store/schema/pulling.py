"""How far other databases have been read."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, TEXT, metadata

pull = sa.Table(
    "pull",
    metadata,
    sa.Column("name", TEXT, primary_key=True, comment="of the source, in tenure.yaml"),
    sa.Column("cursor", JSONB, comment="{of, kind, value} of the last row taken in; null: none was"),
    sa.Column("pulled_at", AT, comment="when it was last read to its end"),
    sa.Column("failure", TEXT, comment="why the last attempt failed; null: it did not"),
)
"""Read again from its last cursor on, so that a pull that was killed goes on where it stopped."""
