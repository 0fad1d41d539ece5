"""Who may be written to: what people said, and what became of their addresses. Addresses are known by their key."""

import sqlalchemy as sa

from store.schema.base import AT, TEXT, metadata

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("address_key", TEXT, primary_key=True, comment="engine.addresses.address_key"),
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
