"""Programs of others that are told what happens, and what each is told.

Triggers write the messages in the transaction of what happened, whoever made it happen: none is forgotten, and while
nobody listens they cost one look at an empty table a statement.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema.base import AT, ID, TEXT, id_, metadata

endpoint = sa.Table(
    "endpoint",
    metadata,
    id_(),
    sa.Column("url", TEXT, nullable=False),
    sa.Column("events", ARRAY(TEXT), nullable=False, comment="such as run.started; * means all"),
    sa.Column("secret", TEXT, nullable=False, comment="whsec_…; signs what is sent, so it is kept as it is"),
    sa.Column("old_secret", TEXT, comment="the one before, which signs, too, for a while"),
    sa.Column("old_until", AT),
    sa.Column("state", TEXT, nullable=False, server_default="active", comment="active | paused | removed"),
    sa.Column("made_by", TEXT, nullable=False),
    sa.Column("created_at", AT, nullable=False),
    comment="addresses of programs that are told what happens",
)

endpoint_message = sa.Table(
    "endpoint_message",
    metadata,
    id_(),
    sa.Column("endpoint_id", ID, sa.ForeignKey("endpoint.id", ondelete="CASCADE"), nullable=False),
    sa.Column("event", TEXT, nullable=False),
    sa.Column("request_id", TEXT, nullable=False, comment="stable across retries"),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("state", TEXT, nullable=False, server_default="prepared", comment="prepared | delivered | refused"),
    sa.Column("reason", TEXT),
    sa.Column("status", sa.Integer, comment="of the last answer"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", AT, nullable=False),
    sa.Column("give_up_at", AT, nullable=False),
    sa.Column("created_at", AT, nullable=False),
    sa.Column("settled_at", AT),
    sa.UniqueConstraint("endpoint_id", "request_id"),
    sa.Index("endpoint_message_due_idx", "due_at", postgresql_where=sa.text("state = 'prepared'")),
    comment="what an endpoint is told, at least once",
)

_ANNOUNCE = """
    create function announce(kind text, happened_at timestamptz, data jsonb) returns void language plpgsql as $$
    begin
        insert into endpoint_message (endpoint_id, event, request_id, body, due_at, give_up_at, created_at)
        select endpoint.id, kind, 'msg_' || replace(gen_random_uuid()::text, '-', ''),
            jsonb_build_object('type', kind, 'data', data, 'timestamp',
                to_char(happened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
            clock_timestamp(), clock_timestamp() + interval '3 days', clock_timestamp()
        from endpoint where state = 'active' and events && array[kind, '*']
        order by endpoint.id;
        if found then
            perform pg_notify('tenure_endpoint', '');
        end if;
    end $$
"""

_NEWS = """
    create function announce_new_{table}() returns trigger language plpgsql as $$
    begin
        if exists (select from endpoint where state = 'active') then
            perform announce('{event}', row.{at}, {data})
            from (select * from news order by id) as row join account on account.id = row.account_id;
        end if;
        return null;
    end $$
"""
_ON_NEWS = """
    create trigger announce_new after insert on {table} referencing new table as news
    for each statement execute function announce_new_{table}()
"""
_CHANGE = """
    create function announce_changed_{table}() returns trigger language plpgsql as $$
    begin
        if exists (select from endpoint where state = 'active') then
            perform announce('{event}', new.{at}, {data}) from (select new.*) as row
            join account on account.id = row.account_id;
        end if;
        return null;
    end $$
"""
_ON_CHANGE = """
    create trigger announce_changed after update on {table} for each row
    when (old.state is distinct from new.state and new.state = '{state}') execute function announce_changed_{table}()
"""

_RUN = "'run', row.id, 'account', account.key, 'playbook', row.playbook, 'version', row.version"
_TASK = "'task', row.id, 'run', row.run_id, 'account', account.key, 'step', row.step, 'title', row.title"
_MAIL = "'mail', row.id, 'run', row.run_id, 'account', account.key, 'step', row.step, 'category', row.category"


def _triggers() -> list[str]:
    """In the order in which they are made."""
    run = {"table": "run", "event": "run.started", "at": "started_at", "data": f"jsonb_build_object({_RUN})"}
    ended = f"jsonb_build_object({_RUN}, 'outcome', row.outcome, 'reason', row.reason)"
    over = {"table": "run", "event": "run.ended", "at": "ended_at", "data": ended, "state": "ended"}
    given = f"jsonb_build_object({_TASK}, 'assignee', row.assignee, 'due_at', row.due_at)"
    task = {"table": "task", "event": "task.created", "at": "created_at", "data": given}
    answer = f"jsonb_build_object({_TASK}, 'outcome', row.outcome, 'by', row.settled_by)"
    done = {"table": "task", "event": "task.done", "at": "settled_at", "data": answer, "state": "done"}
    mail = {"table": "mail", "event": "mail.sent", "at": "settled_at", "data": f"jsonb_build_object({_MAIL})"}
    sent = mail | {"state": "sent"}
    new = [text.format(**of) for of in (run, task) for text in (_NEWS, _ON_NEWS)]
    changed = [text.format(**of) for of in (over, done, sent) for text in (_CHANGE, _ON_CHANGE)]
    return [_ANNOUNCE, *new, *changed]


for _statement in _triggers():
    sa.event.listen(metadata, "after_create", sa.DDL(_statement))  # type: ignore[no-untyped-call]
