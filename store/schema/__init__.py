"""The tables, as SQLAlchemy sees them, by what they are for. Migrations make them."""

from store.schema.access import (
    absence,
    api_key,
    audit,
    idempotency,
    kept_form,
    login,
    one_time_link,
    openid_start,
    session,
    sign_in_rate,
)
from store.schema.base import metadata
from store.schema.consent import erasure, subscription, suppression
from store.schema.deciding import breaker, crossing, settling, sweep, trigger_hold, work, work_event, work_playbook
from store.schema.deployed import (
    clock,
    playbook,
    playbook_change,
    playbook_version,
    signing_key,
    text,
    trigger,
    workspace,
)
from store.schema.endpoints import endpoint, endpoint_message
from store.schema.errands import errand
from store.schema.facts import (
    account,
    account_value,
    arriving,
    change,
    contact,
    event,
    feed,
    kept_since,
    person,
    record,
    zone_offset,
)
from store.schema.mail import mail, mail_event, mail_reply, survey
from store.schema.notes import account_note
from store.schema.projection import account_now, score, score_day, score_override, score_parts, value_history
from store.schema.pulling import pull
from store.schema.quarantine import quarantine
from store.schema.running import ledger, outbox, run, trace, watch
from store.schema.tasks import draft, task, task_comment

__all__ = [
    "absence",
    "account",
    "account_note",
    "account_now",
    "account_value",
    "api_key",
    "arriving",
    "audit",
    "breaker",
    "change",
    "clock",
    "contact",
    "crossing",
    "draft",
    "endpoint",
    "endpoint_message",
    "erasure",
    "errand",
    "event",
    "feed",
    "idempotency",
    "kept_form",
    "kept_since",
    "ledger",
    "login",
    "mail",
    "mail_event",
    "mail_reply",
    "metadata",
    "one_time_link",
    "openid_start",
    "outbox",
    "person",
    "playbook",
    "playbook_change",
    "playbook_version",
    "pull",
    "quarantine",
    "record",
    "run",
    "score",
    "score_day",
    "score_override",
    "score_parts",
    "session",
    "settling",
    "sign_in_rate",
    "signing_key",
    "subscription",
    "suppression",
    "survey",
    "sweep",
    "task",
    "task_comment",
    "text",
    "trace",
    "trigger",
    "trigger_hold",
    "value_history",
    "watch",
    "work",
    "work_event",
    "work_playbook",
    "workspace",
    "zone_offset",
]
