"""`tenure runs|run|tasks|mails|mail`: what there is, as tables or JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.running import Services, UsageError, plain, say, show


def show_runs(
    home: Path | None, *, state: str | None, playbook: str | None, account: str | None, limit: int, as_json: bool
) -> None:
    """Latest first."""
    from store.queries.runs import list_runs

    stuck = state == "stuck"
    _one_of("state", state, ("open", "ended", "stuck"))
    with Services(home) as services, services.database.connect() as conn:
        found = list_runs(
            conn,
            state=None if stuck else state,  # type: ignore[arg-type]  # checked above
            stuck=stuck,
            playbook=playbook,
            account_key=account,
            limit=limit,
        )
    if as_json:
        show(plain(found.items))
        return
    rows = [
        (
            str(one.id),
            one.playbook,
            one.account,
            f"{one.outcome}: {one.reason}" if one.state == "ended" else one.standing,
            "; ".join(stand.says for stand in one.stands),
            _day(one.started_at),
            _day(one.due_at),
        )
        for one in found.items
    ]
    _table(("run", "playbook", "account", "state", "where", "started", "next"), rows)
    _more(found.next, limit)


def show_run(number: int, home: Path | None, *, as_json: bool) -> None:
    """One run with its trace."""
    from store.queries.runs import get_run

    with Services(home) as services, services.database.connect() as conn:
        found = get_run(conn, number)
    if found is None:
        raise UsageError(f"there is no run {number}; see: tenure runs")
    if as_json:
        show(plain(found))
        return
    run = found.run
    print(f"run {run.id}: {run.playbook} (version {run.version}) for {run.account_name} [{run.account}]")
    for reason in found.reasons:
        print(f"  because {reason.says} {dict(reason.values) or ''}")
    print(f"  {run.state} {run.outcome or run.standing} {run.reason or ''}".rstrip())
    for line in found.trace:
        detail = ", ".join(f"{name}={value}" for name, value in line.detail.items() if value not in (None, "", {}, []))
        print(f"  {line.seq:>4} {line.at:%Y-%m-%d %H:%M} {line.path:<28} {line.what:<10} {detail}")


def show_tasks(
    home: Path | None, *, state: str, assignee: str | None, account: str | None, limit: int, as_json: bool
) -> None:
    """The most urgent first."""
    from store import clock
    from store.queries.tasks import VIEWS, list_tasks

    _one_of("state", state, VIEWS)
    with Services(home) as services, services.database.connect() as conn:
        found = list_tasks(conn, clock.now(conn), view=state, assignee=assignee, account_key=account, limit=limit)  # type: ignore[arg-type]
    if as_json:
        show(plain(found.items))
        return
    rows = [
        (
            str(one.id),
            one.title,
            one.account,
            one.assignee or "nobody",
            ("overdue " if one.overdue else "") + _day(one.due_at),
            one.outcome or "|".join(one.outcomes),
        )
        for one in found.items
    ]
    _table(("task", "title", "account", "for", "due", "outcome"), rows)
    _more(found.next, limit)


def show_mails(home: Path | None, *, state: str | None, account: str | None, limit: int, as_json: bool) -> None:
    """The newest first."""
    from store.queries.mails import list_mails

    _one_of("state", state, ("prepared", "handing_over", "sent", "refused", "skipped", "unknown"))
    with Services(home) as services, services.database.connect() as conn:
        found = list_mails(conn, state=state, account_key=account, limit=limit)  # type: ignore[arg-type]
    if as_json:
        show(plain(found.items))
        return
    rows = [
        (str(one.id), one.subject, one.to_address, one.from_name, one.state, _day(one.settled_at or one.created_at))
        for one in found.items
    ]
    _table(("mail", "subject", "to", "from", "state", "at"), rows)
    _more(found.next, limit)


def show_mail(number: int, home: Path | None, *, as_json: bool) -> None:
    """One mail as plain text, or whole as JSON."""
    from store.queries.mails import get_mail

    with Services(home) as services, services.database.connect() as conn:
        found = get_mail(conn, number)
    if found is None:
        raise UsageError(f"there is no mail {number}; see: tenure mails")
    if as_json:
        show(plain(found))
        return
    mail = found.mail
    print(
        f"From: {mail.from_name} <{mail.from_address}>\nTo: {mail.to_name} <{mail.to_address}>\nSubject: {mail.subject}"
    )
    print(f"State: {mail.state} {mail.reason or ''}\n\n{found.plain}")


def _one_of(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise UsageError(f'--{name} "{value}" is not one of {", ".join(known)}')


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    # Piped output is not cut to a terminal's width.
    console.print(table, width=None if console.is_terminal else 200)


def _day(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _more(next_: str | None, limit: int) -> None:
    if next_:
        say(f"there are more than {limit}; use --limit")
