"""Asks the mail policy whether mails may leave now: reads what has left, and where recipients are."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.mail.policy import CounterOf, MailPolicy
from engine.mail.timing import Left, judge, reach
from engine.workspace import Workspace
from engine.workspace.places import place_of
from store.mails.bars import Bar
from store.postgres.statements import Row, Statement


def has_timing(workspace: Workspace) -> bool:
    """Whether its policy has caps or a window: otherwise nothing has to be asked."""
    return bool(workspace.mail.caps or workspace.mail.window)


def untimely(
    conn: sa.Connection, workspace: Workspace, ids: Sequence[int], now: datetime, *, last_look: bool = False
) -> dict[int, Bar | None]:
    """Which of these mails may not leave now, by caps and window. `last_look`: with the person, and the account, held,
    so that mails that are due and go first are counted as well."""
    rows = _MAILS.read(conn, {"ids": list(ids)})
    policy = workspace.mail
    left = _left(conn, policy, rows, now)
    ahead = _ahead(conn, rows, now) if last_look and policy.caps else {}
    bars: dict[int, Bar | None] = dict.fromkeys(ids)
    for row in rows:
        if row.topic is None:
            continue
        place = place_of(workspace, row.zone, row.country, now)
        mine: dict[CounterOf, list[Left]] = {
            "contact": _others(left[row.to_key], row.id),
            "account": _others(left[row.account_id], row.id),
        }
        verdict = judge(policy, now, place, mine, ahead.get(row.id))
        if verdict is not None:
            bars[row.id] = Bar(reason=verdict.reason, final=verdict.outcome == "skip", until=verdict.until)
    return bars


_Counted = Mapping[Any, Sequence[tuple[int, Left]]]


def _others(left: Sequence[tuple[int, Left]], mail_id: int) -> list[Left]:
    # A mail that is sent once more has its place already.
    return [one for other, one in left if other != mail_id]


def _left(conn: sa.Connection, policy: MailPolicy, rows: Collection[Row], now: datetime) -> _Counted:
    """By person and by account."""
    found: dict[Any, list[tuple[int, Left]]] = defaultdict(list)
    for per, name in (("contact", "to_key"), ("account", "account_id")):
        if not any(cap.per == per for cap in policy.caps):
            continue
        whose = sorted({getattr(row, name) for row in rows})
        for row in _LEFT[per].read(conn, {"whose": whose, "since": now - reach(policy)}):
            found[row.key].append((row.id, Left(at=row.left_at, whose=f"{row.playbook} (priority {row.priority})")))
    return found


def _ahead(conn: sa.Connection, rows: Collection[Row], now: datetime) -> Mapping[int, Mapping[CounterOf, int]]:
    """Of each mail, how many others are due that go first."""
    found = _AHEAD.read(conn, {"ids": [row.id for row in rows], "now": now})
    return {row.id: {"contact": row.contact, "account": row.account} for row in found}


_MAILS = Statement("""
    select mail.id, mail.topic, mail.to_key, mail.account_id, mail.priority, mail.due_at,
        coalesce(contact.zone, account_now."account.zone") as zone, account_now."account.country" as country
    from mail left join contact on contact.id = mail.contact_id
    left join account_now on account_now.account_id = mail.account_id
    where mail.id = any(cast(%(ids)s as bigint[]))
""")


def _left_by(column: str, type_: str) -> Statement:
    # Of those that left in one moment, too, the latest are named first.
    return Statement(f"""
        select mail.id, mail.{column} as key, mail.left_at, mail.priority, run.playbook
        from mail join run on run.id = mail.run_id
        where mail.{column} = any(cast(%(whose)s as {type_}[])) and mail.left_at > %(since)s and mail.topic is not null
        order by mail.left_at, mail.id
    """)  # noqa: S608 - joined from constants


_LEFT = {"contact": _left_by("to_key", "text"), "account": _left_by("account_id", "bigint")}
"""What has left lately, by whose it is."""

_AHEAD = Statement("""
    select one.id, ahead.contact, ahead.account
    from mail one cross join lateral (
        select count(*) filter (where mail.to_key = one.to_key) as contact,
            count(*) filter (where mail.account_id = one.account_id) as account
        from mail join run on run.id = mail.run_id left join playbook on playbook.id = run.playbook
        where (mail.to_key = one.to_key or mail.account_id = one.account_id) and mail.state = 'prepared'
            and mail.id <> one.id and mail.topic is not null and mail.due_at <= %(now)s
            and run.state = 'open' and coalesce(playbook.state, 'active') = 'active'
            and (-mail.priority, mail.due_at, mail.id) < (-one.priority, one.due_at, one.id)
    ) as ahead
    where one.id = any(cast(%(ids)s as bigint[]))
""")
