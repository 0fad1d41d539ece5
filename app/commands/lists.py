"""`tenure runs|run|tasks|mails|mail|errands|errand`: what there is, as tables or JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from app.choices import one_of, one_of_or_none
from app.commands.asked_of import ask_of
from app.running import Services, UsageError, plain, say, show, show_list
from app.tables import clean, clean_lines, show_table, when
from store import clock
from store.postgres.pages import Page
from store.queries.errands import STATES as ERRAND_STATES
from store.queries.errands import get_errand, list_errands
from store.queries.mails import STATES as MAIL_STATES
from store.queries.mails import get_mail, list_mails
from store.queries.runs import RunDetail, RunRow, RunState, TraceLine, get_run, list_runs
from store.queries.stands import Stand
from store.queries.tasks import VIEWS, list_tasks


def show_runs(
    home: Path | None, *, state: str | None, playbook: str | None, account: str | None, limit: int, as_json: bool
) -> None:
    """Latest first."""
    states: tuple[RunState | Literal["stuck"], ...] = ("open", "ended", "stuck")
    asked = one_of_or_none("state", state, states)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        ask_of(conn, playbook=playbook, account=account)
        found = list_runs(
            conn,
            state=None if asked == "stuck" else asked,
            stuck=asked == "stuck",
            playbook=playbook,
            account_key=account,
            limit=limit,
        )
    rows = [
        (str(one.id), one.playbook, one.account, one.account_name, _state(one), _where(one), when(one.started_at))
        for one in found.items
    ]
    head = ("RUN", "PLAYBOOK", "ACCOUNT", "NAME", "STATE", "WHERE", "STARTED")
    _list(head, rows, found, limit, "runs", as_json=as_json, give_way=("WHERE", "NAME", "STATE"))


def show_run(number: int, home: Path | None, *, as_json: bool) -> None:
    """One run with its trace."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = get_run(conn, number)
    if found is None:
        raise UsageError(f"there is no run {number}; see: tenure runs")
    if as_json:
        show(plain(found))
        return
    _print_run(found)


def show_tasks(
    home: Path | None, *, state: str, assignee: str | None, account: str | None, limit: int, as_json: bool
) -> None:
    """The most urgent first."""
    view = one_of("state", state, VIEWS)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        ask_of(conn, account=account)
        found = list_tasks(conn, clock.now(conn), view=view, assignee=assignee, account_key=account, limit=limit)
    rows = [
        (
            str(one.id),
            when(one.due_at) + (" !" if one.overdue else ""),
            one.assignee or "nobody",
            one.account,
            one.title,
            (one.outcome or one.state) if state == "settled" else "|".join(one.outcomes),
        )
        for one in found.items
    ]
    last = "OUTCOME" if state == "settled" else "OUTCOMES"
    _list(
        ("TASK", "DUE", "FOR", "ACCOUNT", "TITLE", last),
        rows,
        found,
        limit,
        "tasks",
        as_json=as_json,
        give_way=("TITLE", last),
    )


def show_mails(home: Path | None, *, state: str | None, account: str | None, limit: int, as_json: bool) -> None:
    """The newest first."""
    asked = one_of_or_none("state", state, MAIL_STATES)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        ask_of(conn, account=account)
        found = list_mails(conn, state=asked, account_key=account, limit=limit)
    rows = [
        (
            str(one.id),
            when(one.settled_at or one.created_at),
            f"{one.state}: {one.reason}" if one.reason else one.state,
            one.account,
            one.to_address,
            one.from_name,
            one.subject,
        )
        for one in found.items
    ]
    head = ("MAIL", "AT", "STATE", "ACCOUNT", "TO", "FROM", "SUBJECT")
    _list(head, rows, found, limit, "mails", as_json=as_json, give_way=("TO", "SUBJECT", "FROM", "STATE"))


def show_mail(number: int, home: Path | None, *, as_json: bool) -> None:
    """One mail as plain text, or whole as JSON."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = get_mail(conn, number)
    if found is None:
        raise UsageError(f"there is no mail {number}; see: tenure mails")
    if as_json:
        show(plain(found))
        return
    mail = found.mail
    reason = f" ({mail.reason})" if mail.reason else ""
    print(clean(f"From:     {mail.from_name} <{mail.from_address}>"))
    if found.reply_to:
        print(clean(f"Reply-To: {found.reply_to}"))
    print(clean(f"To:       {mail.to_name} <{mail.to_address}>"))
    print(clean(f"Subject:  {mail.subject}"))
    print(clean(f"State:    {mail.state}{reason} {when(mail.settled_at)}".rstrip()))
    print(
        clean(f"Run:      {mail.run_id} ({mail.playbook}, step {mail.step}) for {mail.account_name} ({mail.account})")
    )
    for event in found.events:
        print(clean(f"Event:    {event.type} {when(event.at)}"))
    print(f"\n{clean_lines(found.plain).rstrip()}")


def show_errands(
    home: Path | None, *, state: str | None, kind: str | None, account: str | None, limit: int, as_json: bool
) -> None:
    """The newest first."""
    one_of_or_none("state", state, ERRAND_STATES)
    one_of_or_none("kind", kind, ("webhook", "chat"))
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        ask_of(conn, account=account)
        found = list_errands(conn, state=state, kind=kind, account_key=account, limit=limit)
    rows = [
        (
            str(one.id),
            when(one.settled_at or one.created_at),
            f"{one.state}: {one.reason}" if one.reason else one.state,
            one.account,
            f"{one.kind} {one.connector}",
            f"{one.playbook}, {one.step}",
        )
        for one in found.items
    ]
    head = ("ERRAND", "AT", "STATE", "ACCOUNT", "TO", "STEP")
    _list(head, rows, found, limit, "errands", as_json=as_json, give_way=("STATE", "STEP", "TO"))


def show_errand(number: int, home: Path | None, *, as_json: bool) -> None:
    """One errand: what became of it, and what was sent."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = get_errand(conn, number)
    if found is None:
        raise UsageError(f"there is no errand {number}; see: tenure errands")
    if as_json:
        show(plain(found))
        return
    one = found.errand
    reason = f" ({one.reason})" if one.reason else ""
    print(clean(f"To:       {one.kind} {one.connector}"))
    print(clean(f"State:    {one.state}{reason} {when(one.settled_at)}".rstrip()))
    print(clean(f"Attempts: {one.attempts}" + (f", last answer {one.status}" if one.status else "")))
    if one.state == "prepared":
        print(clean(f"Next:     {when(one.due_at)}, given up on {when(found.give_up_at)}"))
    print(clean(f"Request:  {found.request_id}"))
    print(clean(f"Run:      {one.run_id} ({one.playbook}, step {one.step}) for {one.account_name} ({one.account})"))
    if found.returned:
        print(clean(f"Answer:   {json.dumps(plain(found.returned), ensure_ascii=False)}"))
    text = found.body.get("text") if one.kind == "chat" else None
    body = text if isinstance(text, str) else json.dumps(plain(found.body), ensure_ascii=False, indent=2)
    print(f"\n{clean_lines(body).rstrip()}")


def _state(run: RunRow) -> str:
    if run.state != "ended":
        return "stuck" if run.standing == "stuck" else "open"
    # The reason of a goal is that it was reached.
    return run.outcome or "ended" if run.outcome == "goal" else f"{run.outcome}: {run.reason}"


def _where(run: RunRow) -> str:
    if run.state == "ended":
        return f"ended {when(run.ended_at)}"
    return "; ".join(_stand(stand) for stand in run.stands) or run.standing


def _stand(stand: Stand) -> str:
    until = f"{', at most' if stand.at_most else ''} until {when(stand.until)}" if stand.until else ""
    because = f", because {stand.because}" if stand.because else ""
    return f"{stand.says or stand.step or stand.path}{until}{because}"


def _print_run(found: RunDetail) -> None:
    run = found.run
    print(clean(f"run {run.id} of {run.playbook}, version {run.version}, for {run.account_name} ({run.account})"))
    for reason in found.reasons:
        values = ", ".join(f"{name} = {value}" for name, value in reason.values.items())
        print(clean(f"  because   {reason.says}" + (f" ({values})" if values else "")))
    print(clean(f"  started   {when(run.started_at)}" + (f", ended {when(run.ended_at)}" if run.ended_at else "")))
    print(clean(f"  state     {_state(run)}"))
    for stand in run.stands:
        print(clean(f"  stands at {_stand(stand)}"))
    for watch in found.watches:
        if watch.met_at is None:
            print(clean(f"  watches   {watch.key}: {watch.says}"))
    print()
    rows = [(when(line.at), _step(line), _told(line)) for line in found.trace]
    show_table(("AT", "STEP", "WHAT"), rows, give_way=("WHAT",))


def _step(line: TraceLine) -> str:
    return str(line.detail.get("step") or line.path)


def _told(line: TraceLine) -> str:
    """The sentence the pages show, with the ids and values a person follows up."""
    from web.trace import sentence

    found = dict(line.detail)
    more = [f"task {found['task']}"] if found.get("task") else []
    more += [f"mail {number}" for number in found.get("mails") or ()]
    more += [f"for {found['assignee']}"] if found.get("assignee") else []
    more += [f"{name} = {value}" for name, value in (found.get("values") or {}).items()]
    return sentence(line) + (f" ({', '.join(more)})" if more else "")


def _list(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    found: Page[Any],
    limit: int,
    what: str,
    *,
    as_json: bool,
    give_way: Sequence[str],
) -> None:
    if as_json:
        show_list(found.items, found.next)
    elif rows:
        show_table(head, rows, give_way=give_way)
    else:
        say(f"no {what}")
    if found.next:
        say(f"there are more than {limit}; use --limit")
