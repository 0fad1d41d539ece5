"""The tables of store/schema/: made from there until the first release, after which every change is a revision."""

from alembic import op

from store.revisions import newest
from store.schema import metadata

revision = newest()
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
