"""Who may sign in, what they are signed in with, who stands in for whom, and what was done.

Times of this file are the real clock's, whatever clock the book of business runs on; those of `absence` are the book's.
"""

import sqlalchemy as sa

from store.schema.base import AT, TEXT, id_, metadata

login = sa.Table(
    "login",
    metadata,
    sa.Column("person", TEXT, primary_key=True, comment="person.key, where the book knows the person"),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("email", TEXT, unique=True, comment="in small letters"),
    sa.Column("role", TEXT, nullable=False, comment="csm | ops | admin: each may what those before it may"),
    sa.Column("password_hash", TEXT, comment="argon2id; null: no password was set"),
    sa.Column("issuer", TEXT, comment="of OpenID Connect, with its name for the person"),
    sa.Column("subject", TEXT),
    sa.Column(
        "failures", sa.Integer, nullable=False, server_default="0", comment="wrong passwords since the last right one"
    ),
    sa.Column("locked_until", AT),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("signed_in_at", AT),
    sa.Column("disabled_at", AT),
    sa.UniqueConstraint("issuer", "subject"),
)

session = sa.Table(
    "session",
    metadata,
    id_(),
    sa.Column("hash", TEXT, nullable=False, unique=True, comment="SHA-256 of what the browser presents"),
    sa.Column("person", TEXT, sa.ForeignKey("login.person", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("how", TEXT, nullable=False, comment="password | link | openid"),
    sa.Column("address", TEXT, nullable=False, server_default="", comment="from where it was opened"),
    sa.Column("agent", TEXT, nullable=False, server_default="", comment="the browser, as it names itself"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("seen_at", AT, nullable=False, comment="to the minute"),
    sa.Column("ends_at", AT, nullable=False, comment="however busy it is"),
    sa.Column("ended_at", AT, comment="signed out or revoked"),
)

one_time_link = sa.Table(
    "one_time_link",
    metadata,
    sa.Column("hash", TEXT, primary_key=True, comment="SHA-256 of the link's secret"),
    sa.Column("person", TEXT, sa.ForeignKey("login.person", ondelete="CASCADE"), comment="null: the first admin"),
    sa.Column("purpose", TEXT, nullable=False, comment="first | password | enter"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("expires_at", AT, nullable=False),
    sa.Column("used_at", AT),
)

absence = sa.Table(
    "absence",
    metadata,
    id_(),
    sa.Column("person", TEXT, nullable=False, index=True, comment="person.key: who is away"),
    sa.Column(
        "covered_by", TEXT, nullable=False, index=True, comment="person.key: who sees and does that person's tasks"
    ),
    sa.Column("since", AT, nullable=False),
    sa.Column("until", AT, nullable=False, comment="the first instant after it"),
    sa.CheckConstraint("since < until", name="absence_lasts"),
    sa.CheckConstraint("person <> covered_by", name="absence_covered_by_another"),
)
