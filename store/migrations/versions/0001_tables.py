"""The tables of store/schema.py: made from there until the first release, after which every change is a revision.

Until then the revision bears the tables' fingerprint, so that a database with other tables is told from one with these.
"""

import hashlib

from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from store.schema import metadata

_DIALECT = postgresql.dialect()
_statements = [
    str(made.compile(dialect=_DIALECT))
    for table in metadata.sorted_tables
    for made in (CreateTable(table), *(CreateIndex(index) for index in sorted(table.indexes, key=lambda one: one.name)))
]

revision = "0001_" + hashlib.sha256("".join(_statements).encode()).hexdigest()[:12]
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
