"""Who may sign in, what they are signed in with, who stands in for whom, and what was done.

Times of this file are the real clock's, whatever clock the book of business runs on; those of `absence` are the book's.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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

sign_in_rate = sa.Table(
    "sign_in_rate",
    metadata,
    sa.Column("address", TEXT, primary_key=True),
    sa.Column("tokens", sa.Float, nullable=False, comment="tries left; they come back with time"),
    sa.Column("at", AT, nullable=False),
    comment="in the database, so that several web processes count together",
)

kept_form = sa.Table(
    "kept_form",
    metadata,
    sa.Column("hash", TEXT, primary_key=True, comment="SHA-256 of what the browser presents"),
    sa.Column(
        "person", TEXT, sa.ForeignKey("login.person", ondelete="CASCADE"), nullable=False, comment="who wrote it"
    ),
    sa.Column("path", TEXT, nullable=False, comment="where it was sent"),
    sa.Column("page", TEXT, nullable=False, comment="where it stood"),
    sa.Column("fields", JSONB, nullable=False, comment="[[name, value]]"),
    sa.Column("kept_at", AT, nullable=False),
    comment="forms that arrived after their session had ended, until their writer is back",
)

openid_start = sa.Table(
    "openid_start",
    metadata,
    sa.Column("hash", TEXT, primary_key=True, comment="SHA-256 of the state"),
    sa.Column("nonce", TEXT, nullable=False),
    sa.Column("verifier", TEXT, nullable=False, comment="of PKCE"),
    sa.Column("next", TEXT, nullable=False),
    sa.Column("started_at", AT, nullable=False),
    comment="sign-ins that are at the identity provider",
)

api_key = sa.Table(
    "api_key",
    metadata,
    id_(),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("hash", TEXT, nullable=False, unique=True, comment="SHA-256 of the key"),
    sa.Column("begins", TEXT, nullable=False, comment="its first letters, to tell it from others"),
    sa.Column("scopes", ARRAY(TEXT), nullable=False, comment="read, facts:write, tasks:write, admin"),
    sa.Column("made_by", TEXT, nullable=False),
    sa.Column("person", TEXT, index=True, comment="person.key: who answers for it; null: the token of the environment"),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("expires_at", AT),
    sa.Column("used_at", AT, comment="to the minute"),
    sa.Column("revoked_at", AT),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("caller", TEXT, primary_key=True, comment="whose key, as two callers may choose the same"),
    sa.Column("key", TEXT, primary_key=True),
    sa.Column("request", TEXT, nullable=False, comment="SHA-256 of method, path and body"),
    sa.Column("status", sa.Integer, comment="of the answer; null: it is being worked out"),
    sa.Column("answer", TEXT),
    sa.Column("at", AT, nullable=False, index=True),
    comment="answers of writes that bore an Idempotency-Key, to be given again",
)

audit = sa.Table(
    "audit",
    metadata,
    id_(),
    sa.Column("at", AT, nullable=False),
    sa.Column("who", TEXT, nullable=False, comment="person.key, key NAME, or command line"),
    sa.Column("address", TEXT, nullable=False, server_default=""),
    sa.Column("did", TEXT, nullable=False, comment="such as signed_in"),
    sa.Column("what", TEXT, nullable=False, server_default="", comment="such as login kim"),
    sa.Column("detail", JSONB, nullable=False, server_default="{}"),
    sa.Index(None, "who", "id"),
    sa.Index(None, "did", "id"),
    comment="append-only: a trigger refuses to change or remove a row; only erasing a person blanks their name in it",
)

_APPEND_ONLY = (
    """
    create function audit_refuses() returns trigger language plpgsql as $$
    begin
        if tg_op = 'UPDATE' and current_setting('tenure.erasing', true) = 'on' then
            if tg_level = 'STATEMENT' then
                return null;
            elsif (new.id, new.at, new.who, new.address, new.did) = (old.id, old.at, old.who, old.address, old.did) then
                return new;
            end if;
        end if;
        raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
    end $$
    """,
    """
    create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function audit_refuses()
    """,
    """
    create trigger audit_facts_stay before update on audit
    for each row execute function audit_refuses()
    """,
)
for _statement in _APPEND_ONLY:
    sa.event.listen(audit, "after_create", sa.DDL(_statement))  # type: ignore[no-untyped-call]
