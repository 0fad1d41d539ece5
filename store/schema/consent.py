"""Who may be written to: what people said, and what became of their addresses. Addresses are known by their key."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import AT, TEXT, id_, metadata

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("address_key", TEXT, primary_key=True, comment="engine.mail.addresses.address_key"),
    sa.Column(
        "reason",
        TEXT,
        primary_key=True,
        comment="unsubscribed | bounced | complained | provider | manual | imported | erased",
    ),
    sa.Column("address", TEXT, comment="null where the person was erased"),
    sa.Column("note", TEXT, comment="who put it there, or what the provider said"),
    sa.Column("at", AT, nullable=False),
    sa.Index(None, "at"),
    comment="addresses that are not written to, one row for each reason",
)

subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("address_key", TEXT, primary_key=True),
    sa.Column("topic", TEXT, primary_key=True, comment="a topic of the workspace"),
    sa.Column("subscribed", sa.Boolean, nullable=False, comment="the person's last word"),
    sa.Column("source", TEXT, nullable=False, comment="one_click | page | command"),
    sa.Column("at", AT, nullable=False),
    comment="what people said of single topics; who said nothing has what the topic gives by default",
)

erasure = sa.Table(
    "erasure",
    metadata,
    id_(),
    sa.Column("contact", TEXT, nullable=False, index=True, comment="a hash of the account's and the contact's key"),
    sa.Column("at", AT, nullable=False),
    sa.Column("by", TEXT, nullable=False, server_default="", comment="empty for the person's other contacts"),
    sa.Column("counts", JSONB, nullable=False, server_default="{}", comment="what was done; of the receipt alone"),
    comment="receipts of people who were forgotten: they name nobody",
)
