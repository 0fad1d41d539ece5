"""The tables of store/schema.py: made from there until the first release, after which every change is a revision."""

from alembic import op

from store.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
