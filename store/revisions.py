"""The newest revision of the tables, for whoever opens a database; `migrations/versions` leads to it.

Alembic would tell as well, but to import it takes longer than all that most commands ask of a database.
"""

import hashlib
from functools import cache

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from store.schema import metadata

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@cache
def newest() -> str:
    """Until the first release it bears the tables' fingerprint, so that a database with other tables is told from one
    with these."""
    tables = [str(CreateTable(table).compile(dialect=_DIALECT)) for table in metadata.sorted_tables]
    indexes = sorted(
        str(CreateIndex(index).compile(dialect=_DIALECT)) for table in metadata.sorted_tables for index in table.indexes
    )
    return "0001_" + hashlib.sha256("".join((*tables, *indexes)).encode()).hexdigest()[:12]
