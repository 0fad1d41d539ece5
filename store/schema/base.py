"""What every table is made of: the metadata with its naming, and the columns that many tables have."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

TEXT = sa.Text(collation="C")
AT = sa.DateTime(timezone=True)
ID = sa.BigInteger


def id_() -> sa.Column[int]:
    """A number that the database gives."""
    return sa.Column("id", ID, sa.Identity(always=True), primary_key=True)


def account_() -> sa.Column[int]:
    """The account a row belongs to, and goes with."""
    return sa.Column("account_id", ID, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False)
