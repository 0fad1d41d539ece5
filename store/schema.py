"""The tables, as SQLAlchemy sees them. Migrations make them; `account_now` grows a typed column per catalogue field."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

_TEXT = sa.Text(collation="C")
_AT = sa.DateTime(timezone=True)
_ID = sa.BigInteger


def _id() -> sa.Column[int]:
    return sa.Column("id", _ID, sa.Identity(always=True), primary_key=True)


def _account() -> sa.Column[int]:
    return sa.Column("account_id", _ID, sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False)


# --- the one clock, and what was deployed ---------------------------------------------------------------------------

clock = sa.Table(
    "clock",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column(
        "instant", _AT, comment="null: the real clock; otherwise the virtual instant that stands until driven on"
    ),
)

workspace = sa.Table(
    "workspace",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("document", JSONB, nullable=False, comment="engine.workspace.Workspace, scorecards included"),
    sa.Column("hash", _TEXT, nullable=False),
    sa.Column("deployed_at", _AT, nullable=False),
)

playbook = sa.Table(
    "playbook",
    metadata,
    sa.Column("id", _TEXT, primary_key=True, comment="the author's word, such as risk-recovery"),
    sa.Column("state", _TEXT, nullable=False, server_default="active", comment="active | paused | off"),
    sa.Column("version", sa.Integer, nullable=False, comment="the version that new runs start on"),
)

playbook_version = sa.Table(
    "playbook_version",
    metadata,
    sa.Column("playbook", _TEXT, sa.ForeignKey("playbook.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("hash", _TEXT, nullable=False, comment="of the compiled playbook, plan and triggers together"),
    sa.Column("plan_hash", _TEXT, nullable=False),
    sa.Column(
        "compiled", JSONB, nullable=False, comment="engine.plan.Compiled: plan, triggers, audience, entry, priority"
    ),
    sa.Column("source", _TEXT, nullable=False, comment="the YAML as written"),
    sa.Column("deployed_at", _AT, nullable=False),
)

text = sa.Table(
    "text",
    metadata,
    sa.Column("hash", _TEXT, primary_key=True),
    sa.Column("content", JSONB, nullable=False, comment="engine.texts.MailText; immutable"),
)

trigger = sa.Table(
    "trigger",
    metadata,
    sa.Column("playbook", _TEXT, sa.ForeignKey("playbook.id"), primary_key=True),
    sa.Column("id", _TEXT, primary_key=True, comment="the author's id or the hash of the meaning"),
    sa.Column("bit", sa.Integer, unique=True, comment="place in the account masks; null for triggers without memory"),
    sa.Column("live", sa.Boolean, nullable=False, server_default=sa.true(), comment="false once an edit dropped it"),
    sa.Column("since", _AT, nullable=False, comment="live since; moments before it never fire"),
)

# --- facts: two times each, what was true when and when it was learned ----------------------------------------------

account = sa.Table(
    "account",
    metadata,
    _id(),
    sa.Column("key", _TEXT, nullable=False, unique=True, comment="the id outside, as the CRM says it"),
    sa.Column("learned_at", _AT, nullable=False),
)

account_value = sa.Table(
    "account_value",
    metadata,
    _id(),
    _account(),
    sa.Column("field", _TEXT, nullable=False, comment="account.segment, or metric.nps for pushed metrics"),
    sa.Column("value", JSONB, comment="null: known to be empty"),
    sa.Column(
        "at", _AT, nullable=False, comment="when it was true; the learning instant where the source does not say"
    ),
    sa.Column("learned_at", _AT, nullable=False),
    sa.Index(None, "account_id", "field", sa.text("at DESC"), sa.text("id DESC")),
    sa.Index(None, "at", postgresql_include=["account_id"]),
)

contact = sa.Table(
    "contact",
    metadata,
    _id(),
    _account(),
    sa.Column("key", _TEXT, nullable=False),
    sa.Column("name", _TEXT, nullable=False),
    sa.Column("first_name", _TEXT),
    sa.Column("email", _TEXT),
    sa.Column("roles", ARRAY(_TEXT), nullable=False, server_default="{}"),
    sa.Column("zone", _TEXT),
    sa.Column("locale", _TEXT, comment="the language to write in; null: the account's, or the workspace's"),
    sa.Column("do_not_contact", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("at", _AT, nullable=False),
    sa.Column("learned_at", _AT, nullable=False),
    sa.UniqueConstraint("account_id", "key"),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("key", _TEXT, primary_key=True, comment="a colleague: CSM, manager, admin"),
    sa.Column("name", _TEXT, nullable=False),
    sa.Column("email", _TEXT),
    sa.Column("role", _TEXT, nullable=False, server_default="csm"),
    sa.Column("manager", _TEXT, comment="the key of another person"),
    sa.Column("learned_at", _AT, nullable=False),
)

record = sa.Table(
    "record",
    metadata,
    _id(),
    _account(),
    sa.Column("kind", _TEXT, nullable=False, comment="subscription, ticket: declared in the workspace"),
    sa.Column("key", _TEXT, nullable=False),
    sa.Column("starts_at", _AT, nullable=False),
    sa.Column("ends_at", _AT),
    sa.Column("props", JSONB, nullable=False, server_default="{}"),
    sa.Column("at", _AT, nullable=False, comment="source time of this version"),
    sa.Column("learned_at", _AT, nullable=False),
    sa.Column("superseded_at", _AT, comment="null: the version in force"),
    sa.Index("record_kind_key_key", "kind", "key", unique=True, postgresql_where=sa.text("superseded_at is null")),
    sa.Index(None, "kind", "key", "at"),
    sa.Index(None, "account_id", "kind", postgresql_where=sa.text("superseded_at is null")),
    sa.Index(None, "starts_at", postgresql_include=["account_id"]),
    sa.Index(None, "ends_at", postgresql_include=["account_id"]),
)

event = sa.Table(
    "event",
    metadata,
    _id(),
    _account(),
    sa.Column("type", _TEXT, nullable=False),
    sa.Column("key", _TEXT, nullable=False, comment="the source's id, or the content's hash where it has none"),
    sa.Column("at", _AT, nullable=False),
    sa.Column("props", JSONB, nullable=False, server_default="{}"),
    sa.Column("learned_at", _AT, nullable=False),
    sa.UniqueConstraint("type", "key"),
    sa.Index(None, "account_id", "type", "at"),
    sa.Index(None, "type", "at", postgresql_include=["account_id"]),
)

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("type", _TEXT, primary_key=True, comment="a type of events"),
    sa.Column("stale_after", _TEXT, primary_key=True, comment="a duration in words"),
    sa.Column("alive", sa.Boolean, nullable=False),
    comment="whether events came recently enough, as the last projection saw it: a flip concerns every account",
)

zone_offset = sa.Table(
    "zone_offset",
    metadata,
    sa.Column("zone", _TEXT, primary_key=True),
    sa.Column("since", _AT, primary_key=True),
    sa.Column("seconds", sa.Integer, nullable=False, comment="east of UTC, from this instant to the next row's"),
    comment="clocks of the zones in use, worked out by Python: PostgreSQL's own time zone data is never asked",
)

change = sa.Table(
    "change",
    metadata,
    _id(),
    _account(),
    sa.Column("event_id", _ID, comment="set when the change is an event, for runs that wait for it"),
    comment="append-only notes that something about an account is new; the sweep that took them deletes them",
)

arriving = sa.Table(
    "arriving",
    metadata,
    _id(),
    sa.Column("known_at", _AT, nullable=False, index=True),
    sa.Column("fact", JSONB, nullable=False, comment="engine.facts.IncomingFact in JSON"),
    sa.Column("hash", _TEXT, nullable=False, unique=True, comment="of the fact: a second import adds nothing"),
    comment="under a virtual clock: facts dated ahead of it, which nobody knows yet",
)

# --- the projection that decisions read, written by the sweep alone -------------------------------------------------

account_now = sa.Table(
    "account_now",
    metadata,
    sa.Column("account_id", _ID, sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    # A typed column per catalogue field, named as the field ("account.arr", "metric.nps", "health.score"), and the
    # trigger masks seen_0, tripped_0, holding_0, … are added by store.columns when a workspace is deployed.
    postgresql_with={"fillfactor": 85},
)

score = sa.Table(
    "score",
    metadata,
    _id(),
    _account(),
    sa.Column("card", _TEXT, nullable=False),
    sa.Column("at", _AT, nullable=False, comment="the sweep's instant"),
    sa.Column("value", sa.Float, comment="null: unknown"),
    sa.Column("band", _TEXT),
    sa.Column("known_weight", sa.Float, nullable=False),
    sa.Column(
        "contributions", JSONB, nullable=False, comment="[{id, value, points, weight, state}] in the card's order"
    ),
    sa.Index(None, "account_id", "card", sa.text("at DESC")),
    sa.Index(None, "at", postgresql_include=["account_id"]),
    comment="appended when value or band changes",
)

value_history = sa.Table(
    "value_history",
    metadata,
    _id(),
    _account(),
    sa.Column("field", _TEXT, nullable=False),
    sa.Column("at", _AT, nullable=False),
    sa.Column("value", sa.Float),
    sa.Index(None, "account_id", "field", sa.text("at DESC")),
    sa.Index(None, "at", postgresql_include=["account_id"]),
    comment="metrics and scores whose past a trigger looks at (drops_by within), appended when the value changes",
)

# --- deciding -------------------------------------------------------------------------------------------------------

sweep = sa.Table(
    "sweep",
    metadata,
    _id(),
    sa.Column("at", _AT, nullable=False, comment="the instant it decides for"),
    sa.Column("finished", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("counts", JSONB, nullable=False, server_default="{}"),
)

work = sa.Table(
    "work",
    metadata,
    # Without a foreign key: checking a million rows that live for a moment costs seconds.
    sa.Column("account_id", _ID, primary_key=True, autoincrement=False),
    comment="the accounts an unfinished sweep has taken; empty between sweeps",
)

work_event = sa.Table(
    "work_event",
    metadata,
    sa.Column("event_id", _ID, primary_key=True),
    comment="the new events an unfinished sweep has taken",
)

work_playbook = sa.Table(
    "work_playbook",
    metadata,
    sa.Column("playbook", _TEXT, primary_key=True),
    comment="the playbooks that have already proposed in the unfinished sweep",
)

trigger_hold = sa.Table(
    "trigger_hold",
    metadata,
    _account(),
    sa.Column("playbook", _TEXT, nullable=False),
    sa.Column("trigger", _TEXT, nullable=False),
    sa.Column("since", _AT, nullable=False, comment="the sweep that first saw the edge"),
    sa.Column("due_at", _AT, nullable=False, index=True),
    sa.Column("suspended_at", _AT, comment="unknown since then; the dwell does not run"),
    sa.PrimaryKeyConstraint("account_id", "playbook", "trigger"),
    comment="edges that dwell: sparse beside the masks",
)

settling = sa.Table(
    "settling",
    metadata,
    sa.Column("playbook", _TEXT, primary_key=True),
    sa.Column("trigger", _TEXT, primary_key=True),
    sa.Column("event_id", _ID, sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
    _account(),
    sa.Column("due_at", _AT, nullable=False, index=True),
    comment="events that may start a playbook once their data had time to arrive",
)

crossing = sa.Table(
    "crossing",
    metadata,
    _id(),
    sa.Column("playbook", _TEXT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    _account(),
    sa.Column("at", _AT, nullable=False, comment="the sweep's instant"),
    sa.Column("reasons", JSONB, nullable=False, comment="[{trigger, kind, says, values}]: one start, all its reasons"),
    sa.Column(
        "state", _TEXT, nullable=False, comment="proposed | started | held_out | held | lapsed | dropped | not_started"
    ),
    sa.Column("why", _TEXT, comment="for held, lapsed, dropped, not_started: the obstacle in words"),
    sa.Column("entry_key", _TEXT),
    sa.Column("run_id", _ID),
    sa.Column("decided_at", _AT),
    sa.Column("retry_at", _AT, comment="held until then for sure: when its cool-down ends"),
    sa.Column("replaces", _ID, comment="the run that was told to end, so that this may start"),
    sa.Column("sweep_id", _ID, comment="the sweep that proposed it; null for a start by hand"),
    # By sweep, not by instant: a virtual clock may stand still over several sweeps.
    sa.Index("crossing_proposed_key", "playbook", "account_id", "sweep_id", unique=True),
    sa.Index("crossing_open_idx", "state", "account_id", postgresql_where=sa.text("state in ('proposed', 'held')")),
    sa.Index("crossing_retry_idx", "retry_at", postgresql_where=sa.text("state = 'held'")),
    sa.Index(None, "account_id", "playbook", sa.text("at DESC")),
)

run = sa.Table(
    "run",
    metadata,
    # Drawn before the row is written, as the workflow's id contains it.
    sa.Column("id", _ID, sa.Identity(), primary_key=True),
    sa.Column("playbook", _TEXT, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("plan_hash", _TEXT, nullable=False),
    _account(),
    sa.Column("entry_key", _TEXT, nullable=False, server_default=""),
    sa.Column("exclusive", _TEXT),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("workflow_id", _TEXT, nullable=False, unique=True),
    sa.Column("state", _TEXT, nullable=False, server_default="open", comment="open | ended"),
    sa.Column(
        "standing", _TEXT, nullable=False, server_default="starting", comment="starting | going | resting | stuck"
    ),
    sa.Column("started_at", _AT, nullable=False),
    sa.Column("ended_at", _AT),
    sa.Column("outcome", _TEXT, comment="goal | exit | stop | end | failed"),
    sa.Column("reason", _TEXT, comment="the reason every ended run has"),
    sa.Column("at_step", JSONB, nullable=False, server_default="[]", comment="paths where it waits, for people"),
    sa.Column("due_at", _AT, comment="the next moment it waits for; the driver of a virtual clock wakes it"),
    sa.Column("heard", _ID, nullable=False, server_default="0", comment="the last outbox number it has heard at rest"),
    sa.Column("position", JSONB, comment="engine.position.Position at its last rest, should Temporal lose the run"),
    sa.Column("asked_at", _AT, comment="Temporal's time when it was told of that rest; an older word comes too late"),
    sa.Column("outbox_n", _ID, nullable=False, server_default="0", comment="the last number given out"),
    sa.Index(
        "run_one_per_key",
        "playbook",
        "account_id",
        "entry_key",
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.Index(
        "run_one_per_group",
        "exclusive",
        "account_id",
        unique=True,
        postgresql_where=sa.text("state = 'open' and exclusive is not null"),
    ),
    sa.Index("run_due_idx", "due_at", postgresql_where=sa.text("state = 'open'")),
    sa.Index(None, "account_id", "playbook", sa.text("ended_at DESC")),
)

watch = sa.Table(
    "watch",
    metadata,
    _id(),
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", _TEXT, nullable=False, comment="goal, exit/0, or the path of the wait"),
    _account(),
    sa.Column("condition", JSONB, comment="an expression in JSON form; of an event: asked of its row, or null"),
    sa.Column("dwell", _TEXT, comment="a duration in words: the condition must hold this long"),
    sa.Column("reason", _TEXT, comment="what an exit ends the run with"),
    sa.Column("since", _AT, comment="true since this sweep"),
    sa.Column("due_at", _AT, index=True),
    sa.Column("suspended_at", _AT),
    sa.Column("event", _TEXT),
    sa.Column("opened_at", _AT, nullable=False, comment="events from before do not count"),
    sa.Column("met_at", _AT),
    sa.UniqueConstraint("run_id", "key"),
    sa.Index(None, "account_id", postgresql_where=sa.text("met_at is null")),
)

# --- doing ----------------------------------------------------------------------------------------------------------

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("step", _TEXT, primary_key=True),
    sa.Column("visit", sa.Integer, primary_key=True),
    sa.Column("effect", _TEXT, primary_key=True, comment="the act's verb"),
    sa.Column("recipient", _TEXT, primary_key=True, server_default="", comment="a contact's id for mail, else empty"),
    sa.Column("receipt", JSONB, nullable=False, comment="engine.runtime.Receipt"),
    sa.Column("at", _AT, nullable=False),
)

trace = sa.Table(
    "trace",
    metadata,
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", _AT, nullable=False),
    sa.Column("path", _TEXT, nullable=False),
    sa.Column("what", _TEXT, nullable=False),
    sa.Column("detail", JSONB, nullable=False, server_default="{}"),
)

task = sa.Table(
    "task",
    metadata,
    _id(),
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", _TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    _account(),
    sa.Column("title", _TEXT, nullable=False),
    sa.Column("description", _TEXT, nullable=False, server_default=""),
    sa.Column("checklist", JSONB, nullable=False, server_default="[]", comment="[{text, done}]"),
    sa.Column("outcomes", ARRAY(_TEXT), nullable=False, comment="what may be answered; ['done'] by default"),
    sa.Column("assignee", _TEXT, comment="person.key; null: nobody could be found"),
    sa.Column("state", _TEXT, nullable=False, server_default="open", comment="open | done | expired | withdrawn"),
    sa.Column("due_at", _AT),
    sa.Column("reminded_at", _AT),
    sa.Column("escalated_to", _TEXT),
    sa.Column("outcome", _TEXT),
    sa.Column("note", _TEXT),
    sa.Column("settled_by", _TEXT),
    sa.Column("settled_at", _AT),
    sa.Column("created_at", _AT, nullable=False),
    sa.UniqueConstraint("run_id", "step", "visit"),
    sa.Index(None, "assignee", "due_at", postgresql_where=sa.text("state = 'open'")),
    sa.Index(None, "account_id"),
)

mail = sa.Table(
    "mail",
    metadata,
    _id(),
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", _TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    _account(),
    sa.Column("contact_id", _ID, sa.ForeignKey("contact.id"), comment="null for mail to a colleague"),
    sa.Column("person", _TEXT, comment="person.key: mail to a colleague, who is no customer"),
    sa.Column("text_hash", _TEXT, sa.ForeignKey("text.hash"), comment="null where the step holds the text itself"),
    sa.Column("category", _TEXT, nullable=False, comment="service | marketing | transactional | internal"),
    sa.Column("to_address", _TEXT, nullable=False),
    sa.Column("to_name", _TEXT, nullable=False, server_default=""),
    sa.Column("from_address", _TEXT, nullable=False),
    sa.Column("from_name", _TEXT, nullable=False),
    sa.Column("reply_to", _TEXT),
    sa.Column("unsubscribe_url", _TEXT, comment="null for transactional mail"),
    sa.Column("subject", _TEXT, nullable=False),
    sa.Column("html", _TEXT, nullable=False),
    sa.Column("plain", _TEXT, nullable=False),
    sa.Column("message_id", _TEXT, nullable=False, unique=True, comment="stable across retries"),
    sa.Column("stream", _TEXT, nullable=False, comment="the connector's name"),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column(
        "state",
        _TEXT,
        nullable=False,
        server_default="prepared",
        comment="prepared | handing_over | sent | refused | skipped | unknown",
    ),
    sa.Column("reason", _TEXT),
    sa.Column("due_at", _AT, nullable=False, comment="not before; parked rows wait here"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("provider_id", _TEXT),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("settled_at", _AT),
    sa.UniqueConstraint("run_id", "step", "visit", "contact_id", "person", postgresql_nulls_not_distinct=True),
    sa.Index("mail_due_idx", "stream", "due_at", postgresql_where=sa.text("state in ('prepared', 'handing_over')")),
    sa.Index(None, "account_id"),
    sa.Index(None, "contact_id", "settled_at"),
)

mail_event = sa.Table(
    "mail_event",
    metadata,
    _id(),
    sa.Column("mail_id", _ID, sa.ForeignKey("mail.id", ondelete="CASCADE"), nullable=False),
    sa.Column("type", _TEXT, nullable=False, comment="as engine.seen.SeenType has them, and replied"),
    sa.Column("key", _TEXT, nullable=False, unique=True, comment="the provider's id of the event"),
    sa.Column("link", _TEXT, comment="what was clicked"),
    sa.Column("reason", _TEXT, comment="what the provider says to it"),
    sa.Column("evidence", _TEXT, comment="of opens and clicks: human | likely_machine"),
    sa.Column("at", _AT, nullable=False),
    sa.Column("learned_at", _AT, nullable=False),
    sa.Index(None, "mail_id"),
)

draft = sa.Table(
    "draft",
    metadata,
    sa.Column("task_id", _ID, sa.ForeignKey("task.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("contact_id", _ID, sa.ForeignKey("contact.id"), nullable=False),
    sa.Column("text_hash", _TEXT, sa.ForeignKey("text.hash"), nullable=False),
    sa.Column("subject", _TEXT, nullable=False),
    sa.Column("preheader", _TEXT, nullable=False, server_default=""),
    sa.Column("body", _TEXT, nullable=False, comment="Markdown, filled in; what is sent is this, not the template"),
    sa.Column("edited_by", _TEXT),
    comment="mails that wait for a review, beside the reviewer's task",
)

survey = sa.Table(
    "survey",
    metadata,
    _id(),
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", _TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    _account(),
    sa.Column("contact_id", _ID, sa.ForeignKey("contact.id"), nullable=False),
    sa.Column("address", _TEXT, nullable=False, comment="in small letters: one person may be three contacts"),
    sa.Column("asks", _TEXT, nullable=False, comment="nps | csat"),
    sa.Column("question", _TEXT, nullable=False),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("closes_at", _AT, nullable=False, comment="answers are taken until then, also when the run has gone on"),
    sa.Column("score", sa.Integer),
    sa.Column("comment", _TEXT),
    sa.Column("answered_at", _AT),
    sa.UniqueConstraint("run_id", "step", "visit"),
    sa.Index(None, "address", sa.text("created_at DESC")),
    sa.Index(None, "account_id"),
)

errand = sa.Table(
    "errand",
    metadata,
    _id(),
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("step", _TEXT, nullable=False),
    sa.Column("visit", sa.Integer, nullable=False),
    _account(),
    sa.Column("kind", _TEXT, nullable=False, comment="webhook | chat"),
    sa.Column("connector", _TEXT, nullable=False, comment="its name in the workspace"),
    sa.Column("request_id", _TEXT, nullable=False, unique=True, comment="stable across retries"),
    sa.Column("body", JSONB, nullable=False, comment="what is sent; for a chat {text}"),
    sa.Column("returns", JSONB, nullable=False, server_default="{}", comment="names to read from the answer: types"),
    sa.Column(
        "state",
        _TEXT,
        nullable=False,
        server_default="prepared",
        comment="prepared | handing_over | delivered | refused | skipped | unknown",
    ),
    sa.Column("reason", _TEXT),
    sa.Column("status", sa.Integer, comment="of the last answer"),
    sa.Column("returned", JSONB, comment="what was read from the answer"),
    sa.Column(
        "resends", sa.SmallInteger, nullable=False, server_default="0", comment="how often an unknown may repeat"
    ),
    sa.Column("due_at", _AT, nullable=False, comment="not before; parked rows wait here"),
    sa.Column("give_up_at", _AT, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("settled_at", _AT),
    sa.UniqueConstraint("run_id", "step", "visit"),
    sa.Index("errand_due_idx", "due_at", postgresql_where=sa.text("state in ('prepared', 'handing_over')")),
    sa.Index(None, "account_id"),
    comment="what runs tell other programs and channels",
)

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.SmallInteger, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("key", _TEXT, nullable=False, comment="random; signs the links of mails where no setting gives a key"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    sa.Column("run_id", _ID, sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    sa.Column("n", _ID, nullable=False, comment="the run's own number: 1 is the start, then signals in order"),
    sa.Column("kind", _TEXT, nullable=False, comment="start | tell"),
    sa.Column("fact", JSONB, comment="engine.runtime.Fact in JSON; null for a start"),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("delivered_at", _AT),
    sa.Column("note", _TEXT, comment="such as: the run had ended"),
    sa.UniqueConstraint("run_id", "n"),
    sa.Index("outbox_open_idx", "id", postgresql_where=sa.text("delivered_at is null")),
)
