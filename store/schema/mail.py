"""Mails to customers, what became of them, and the surveys they bring."""

import sqlalchemy as sa

from store.schema.base import AT, ID, TEXT, account_, id_, metadata

mail = sa.Table(
    "mail",
    metadata,
    id_(),
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    account_(),
    sa.Column("contact_id", ID, sa.ForeignKey("contact.id"), comment="null for mail to a colleague"),
    sa.Column("person", TEXT, comment="person.key: mail to a colleague, who is no customer"),
    sa.Column("text_hash", TEXT, sa.ForeignKey("text.hash"), comment="null where the step holds the text itself"),
    sa.Column("category", TEXT, nullable=False, comment="service | marketing | transactional | internal"),
    sa.Column("topic", TEXT, comment="whose consent is asked for; null where none is"),
    sa.Column("to_address", TEXT, nullable=False),
    sa.Column("to_key", TEXT, nullable=False, comment="engine.mail.addresses.address_key: one person, at all accounts"),
    sa.Column("to_name", TEXT, nullable=False, server_default=""),
    sa.Column("from_address", TEXT, nullable=False),
    sa.Column("from_name", TEXT, nullable=False),
    sa.Column("reply_to", TEXT),
    sa.Column(
        "replies_to", TEXT, index=True, comment="the address of this mail alone under which replies reach Tenure"
    ),
    sa.Column("unsubscribe_url", TEXT, comment="null for transactional mail"),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("html", TEXT, nullable=False),
    sa.Column("plain", TEXT, nullable=False),
    sa.Column("message_id", TEXT, nullable=False, unique=True, comment="stable across retries"),
    sa.Column("stream", TEXT, nullable=False, comment="the connector's name"),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column(
        "state",
        TEXT,
        nullable=False,
        server_default="prepared",
        comment="prepared | handing_over | sent | refused | skipped | unknown",
    ),
    sa.Column("reason", TEXT),
    sa.Column("due_at", AT, nullable=False, comment="not before; parked rows wait here"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("provider_id", TEXT),
    sa.Column(
        "left_at", AT, comment="when it was last handed over, which caps count; null: it certainly did not leave"
    ),
    sa.Column("waited", TEXT, comment="what it had to wait for before it left, such as a cap and who was before it"),
    sa.Column("on_unknown", TEXT, nullable=False, server_default="ask", comment="ask | resend_once"),
    sa.Column(
        "again", sa.Boolean, nullable=False, server_default=sa.false(), comment="unknown, and to be sent once more"
    ),
    sa.Column(
        "resends",
        sa.SmallInteger,
        nullable=False,
        server_default="0",
        comment="times it was sent though it may have left",
    ),
    sa.Column("resent_by", TEXT, comment="the person who had it sent again"),
    sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false(), comment="the run has heard of it"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("settled_at", AT),
    sa.UniqueConstraint("run_id", "step", "visit", "contact_id", "person", postgresql_nulls_not_distinct=True),
    sa.Index(
        "mail_due_idx", "stream", "due_at", postgresql_where=sa.text("state in ('prepared', 'handing_over') or again")
    ),
    sa.Index("mail_person_idx", "to_key", "left_at", postgresql_where=sa.text("left_at is not null")),
    sa.Index("mail_person_waiting_idx", "to_key", postgresql_where=sa.text("state = 'prepared' or again")),
    sa.Index("mail_account_idx", "account_id", "left_at", postgresql_where=sa.text("left_at is not null")),
    sa.Index("mail_unknown_idx", "id", postgresql_where=sa.text("state = 'unknown'")),
    sa.Index(None, "account_id"),
    sa.Index(None, "contact_id", "settled_at"),
)

mail_event = sa.Table(
    "mail_event",
    metadata,
    id_(),
    sa.Column("mail_id", ID, sa.ForeignKey("mail.id", ondelete="CASCADE"), nullable=False),
    sa.Column("type", TEXT, nullable=False, comment="as engine.mail.seen.SeenType has them"),
    sa.Column("key", TEXT, nullable=False, unique=True, comment="the provider's id of the event"),
    sa.Column("link", TEXT, comment="what was clicked"),
    sa.Column("reason", TEXT, comment="what the provider says to it"),
    sa.Column("evidence", TEXT, comment="of opens and clicks: human | likely_machine"),
    sa.Column("at", AT, nullable=False),
    sa.Column("learned_at", AT, nullable=False),
    sa.Index(None, "mail_id"),
)

mail_reply = sa.Table(
    "mail_reply",
    metadata,
    id_(),
    sa.Column("mail_id", ID, sa.ForeignKey("mail.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", TEXT, nullable=False, unique=True, comment="of its event in mail_event"),
    sa.Column("kind", TEXT, nullable=False, comment="replied | auto_replied"),
    sa.Column("from_address", TEXT, nullable=False),
    sa.Column("from_name", TEXT, nullable=False),
    sa.Column("subject", TEXT, nullable=False),
    sa.Column("says", TEXT, nullable=False, comment="what was written above the quotation, cut"),
    sa.Column("at", AT, nullable=False),
    sa.Column("learned_at", AT, nullable=False),
    sa.Index(None, "mail_id"),
)

survey = sa.Table(
    "survey",
    metadata,
    id_(),
    sa.Column("run_id", ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    account_(),
    sa.Column("contact_id", ID, sa.ForeignKey("contact.id"), nullable=False),
    sa.Column("address", TEXT, nullable=False, comment="in small letters: one person may be three contacts"),
    sa.Column("asks", TEXT, nullable=False, comment="nps | csat"),
    sa.Column("question", TEXT, nullable=False),
    sa.Column("language", TEXT, nullable=False, server_default="en", comment="in which it was asked, and its page is"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("closes_at", AT, nullable=False, comment="answers are taken until then, also when the run has gone on"),
    sa.Column("score", sa.Integer),
    sa.Column("comment", TEXT),
    sa.Column("answered_at", AT),
    sa.UniqueConstraint("run_id", "step", "visit"),
    sa.Index(None, "address", sa.text("created_at DESC")),
    sa.Index(None, "account_id"),
)
