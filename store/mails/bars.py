"""What keeps a mail from leaving, read anew from the rows that say so: run, playbook, contact, account, and consent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.mail.consent import Consent, objection
from engine.mail.policy import TRANSACTIONAL, MailPolicy
from store.deployed import NothingDeployed, load_workspace
from store.postgres.statements import Row, Statement


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Why a mail may not leave: for good, or not now."""

    reason: str
    final: bool
    until: datetime | None = None
    """When it may be asked again, where that is known."""


def mail_policy(conn: sa.Connection) -> MailPolicy:
    """As the workspace in force has it."""
    try:
        return load_workspace(conn).mail
    except NothingDeployed:
        return MailPolicy()


def bars_of(conn: sa.Connection, ids: Sequence[int], now: datetime, policy: MailPolicy) -> dict[int, Bar | None]:
    """What keeps each of these mails from leaving at this moment, whatever caps and windows say."""
    bars: dict[int, Bar | None] = dict.fromkeys(ids, _GONE)
    bars.update((row.id, _bar(row, policy)) for row in _QUERY.read(conn, {"ids": list(ids), "now": now}))
    others = [mail_id for mail_id in ids if bars[mail_id] is _GONE]
    return bars | _bars_inside(conn, others) if others else bars


_GONE = Bar(reason="the mail is gone", final=False)

_QUERY = Statement("""
    select mail.id, mail.category, mail.topic, mail.to_address, mail.resent_by, run.state, contact.do_not_contact,
        contact.email, coalesce(playbook.state, 'active') as playbook,
        (select array_agg(reason) from suppression where address_key = mail.to_key) as listed,
        (
            select subscribed from subscription
            where subscription.address_key = mail.to_key and subscription.topic = mail.topic
        ) as said,
        (
            select value from account_value
            where account_value.account_id = mail.account_id and field = 'account.do_not_contact' and at <= %(now)s
            order by at desc, id desc limit 1
        ) as account_wants_none,
        exists (
            select from outbox
            where outbox.run_id = run.id and outbox.n > run.heard and outbox.fact ->> 'kind' = 'end'
        ) as ending
    from mail
    join run on run.id = mail.run_id
    join contact on contact.id = mail.contact_id
    left join playbook on playbook.id = run.playbook
    where mail.id = any(cast(%(ids)s as bigint[]))
""")


def _bar(row: Row, policy: MailPolicy) -> Bar | None:
    reason = _consent(row, policy) or _address(row)
    if reason is not None:
        return Bar(reason=reason, final=True)
    if row.resent_by:
        # A person wants it to leave, whatever has become of the run since.
        return None
    if row.state != "open":
        return Bar(reason="the run has ended", final=True)
    if row.ending:
        return Bar(reason="the run is about to end", final=False)
    standing = row.playbook
    return None if standing == "active" else Bar(reason=f"the playbook is {standing}", final=False)


def _consent(row: Row, policy: MailPolicy) -> str | None:
    topic = None if row.category == TRANSACTIONAL else row.topic
    consent = Consent(
        said={} if topic is None or row.said is None else {topic: row.said},
        listed=row.listed or (),
        wants_none=row.do_not_contact,
    )
    return objection(consent, topic, policy, account_wants_none=row.account_wants_none is True)


def _address(row: Row) -> str | None:
    same = (row.email or "").casefold() == row.to_address.casefold()
    return None if same else "the address is no longer the contact's"


def _bars_inside(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Bar | None]:
    """The same for mail to colleagues, who hear of a run also when it is over."""
    rows = _INSIDE.read(conn, {"ids": list(ids)})
    bars: dict[int, Bar | None] = {}
    for row in rows:
        if (row.email or "").casefold() != row.to_address.casefold():
            bars[row.id] = Bar(reason="the address is no longer the colleague's", final=True)
        elif row.task not in (None, "open"):
            bars[row.id] = Bar(reason="the task is settled already", final=True)
        elif row.state == "open" and row.playbook != "active":
            bars[row.id] = Bar(reason=f"the playbook is {row.playbook}", final=False)
        else:
            bars[row.id] = None
    return bars


# A mail that reminds of a task has nothing to say when it is done.
_INSIDE = Statement("""
    select mail.id, mail.to_address, person.email, run.state, coalesce(playbook.state, 'active') as playbook,
        task.state as task
    from mail
    left join task on task.run_id = mail.run_id and task.visit = mail.visit
        and mail.step in (task.step || '/remind', task.step || '/escalate')
    join run on run.id = mail.run_id
    left join person on person.key = mail.person
    left join playbook on playbook.id = run.playbook
    where mail.id = any(cast(%(ids)s as bigint[])) and mail.person is not null
""")
