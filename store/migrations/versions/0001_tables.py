"""The tables of store/schema/: made from there until the first release, after which every change is a revision.

Until then the revision bears the tables' fingerprint, so that a database with other tables is told from one with these.
"""

import hashlib

from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from store.schema import metadata

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_tables = [str(CreateTable(table).compile(dialect=_DIALECT)) for table in metadata.sorted_tables]
_indexes = sorted(
    str(CreateIndex(index).compile(dialect=_DIALECT)) for table in metadata.sorted_tables for index in table.indexes
)

revision = "0001_" + hashlib.sha256("".join((*_tables, *_indexes)).encode()).hexdigest()[:12]
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
