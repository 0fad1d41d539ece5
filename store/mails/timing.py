"""Asks the mail policy whether mails may leave now: reads what has left, and where recipients are."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.mail_policy import CounterOf, MailPolicy
from engine.mail_timing import Left, judge, reach
from engine.places import place_of
from engine.workspace import Workspace
from store.deployed import NothingDeployed, load_workspace
from store.mails.bars import Bar
from store.schema import mail, run

_WAITING = sa.or_(mail.c.state == "prepared", mail.c.again)


def workspace_with_policy(conn: sa.Connection) -> Workspace | None:
    """The workspace in force, where its policy has caps or a window: otherwise nothing has to be asked."""
    try:
        workspace = load_workspace(conn)
    except NothingDeployed:
        return None
    return workspace if workspace.mail.caps or workspace.mail.window else None


def hold_account(conn: sa.Connection, workspace: Workspace, mail_id: int) -> None:
    """Where an account has a cap: let nobody else send to the account until the caller commits. After its address."""
    if any(cap.per == "account" for cap in workspace.mail.caps):
        conn.execute(_HOLD, {"id": mail_id})


def untimely(
    conn: sa.Connection, workspace: Workspace, ids: Sequence[int], now: datetime, *, last_look: bool = False
) -> dict[int, Bar | None]:
    """Which of these mails may not leave now, by caps and window. `last_look`: with the person, and the account, held,
    so that mails that are due and go first are counted as well."""
    rows = conn.execute(_MAILS, {"ids": list(ids)}).mappings().all()
    policy = workspace.mail
    left = _left(conn, policy, rows, now)
    bars: dict[int, Bar | None] = dict.fromkeys(ids)
    for row in rows:
        if row["topic"] is None:
            continue
        place = place_of(workspace, row["zone"], row["country"], now)
        mine: dict[CounterOf, list[Left]] = {
            "contact": _others(left[row["to_key"]], row["id"]),
            "account": _others(left[row["account_id"]], row["id"]),
        }
        verdict = judge(policy, now, place, mine, _ahead(conn, policy, row, now) if last_look else None)
        if verdict is not None:
            bars[row["id"]] = Bar(reason=verdict.reason, final=verdict.outcome == "skip", until=verdict.until)
    return bars


_Counted = Mapping[Any, Sequence[tuple[int, Left]]]


def _others(left: Sequence[tuple[int, Left]], mail_id: int) -> list[Left]:
    # A mail that is sent once more has its place already.
    return [one for other, one in left if other != mail_id]


def _left(conn: sa.Connection, policy: MailPolicy, rows: Collection[sa.RowMapping], now: datetime) -> _Counted:
    """By person and by account."""
    found: dict[Any, list[tuple[int, Left]]] = defaultdict(list)
    for per, name in (("contact", "to_key"), ("account", "account_id")):
        if not any(cap.per == per for cap in policy.caps):
            continue
        column = mail.c[name]
        whose = sorted({row[name] for row in rows})
        query = (
            sa.select(mail.c.id, column, mail.c.left_at, mail.c.priority, run.c.playbook)
            .join(run, run.c.id == mail.c.run_id)
            .where(column.in_(whose), mail.c.left_at > now - reach(policy), mail.c.topic.is_not(None))
        )
        for id_, key, at, priority, playbook in conn.execute(query):
            found[key].append((id_, Left(at=at, whose=f"{playbook} (priority {priority})")))
    return found


def _ahead(conn: sa.Connection, policy: MailPolicy, row: sa.RowMapping, now: datetime) -> dict[CounterOf, int]:
    counts = conn.execute(
        _AHEAD,
        {
            "id": row["id"],
            "person": row["to_key"],
            "account": row["account_id"],
            "priority": row["priority"],
            "due_at": row["due_at"],
            "now": now,
        },
    ).one()
    return {"contact": counts.contact, "account": counts.account} if policy.caps else {}


_MAILS = sa.text("""
    select mail.id, mail.topic, mail.to_key, mail.account_id, mail.priority, mail.due_at,
        coalesce(contact.zone, account_now."account.zone") as zone, account_now."account.country" as country
    from mail left join contact on contact.id = mail.contact_id
    left join account_now on account_now.account_id = mail.account_id
    where mail.id = any(cast(:ids as bigint[]))
""")

_AHEAD = sa.text("""
    select count(*) filter (where mail.to_key = :person) as contact,
        count(*) filter (where mail.account_id = :account) as account
    from mail join run on run.id = mail.run_id left join playbook on playbook.id = run.playbook
    where (mail.to_key = :person or mail.account_id = :account) and mail.state = 'prepared' and mail.id <> :id
        and mail.topic is not null and mail.due_at <= :now
        and run.state = 'open' and coalesce(playbook.state, 'active') = 'active'
        and (-mail.priority, mail.due_at, mail.id)
            < (-cast(:priority as integer), cast(:due_at as timestamptz), cast(:id as bigint))
""")

_HOLD = sa.text("select pg_advisory_xact_lock(hashint8(account_id), 7369) from mail where id = :id")
