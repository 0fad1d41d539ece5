"""Commands that tell what there is, and why."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from app.cli.root import Home, Json, app, as_day, as_moment, as_number, health_app, mail_app


@app.command()
def runs(
    state: Annotated[Optional[str], typer.Option(help="open, ended or stuck")] = None,
    playbook: Annotated[Optional[str], typer.Option(help="Only of this playbook.")] = None,
    account: Annotated[Optional[str], typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Runs: where each stands, and how it ended."""
    from app.commands.lists import show_runs
    from app.running import exits

    with exits():
        show_runs(home, state=state, playbook=playbook, account=account, limit=limit, as_json=as_json)


@app.command()
def run(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="The run's number.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One run with its trace."""
    from app.commands.lists import show_run
    from app.running import exits

    with exits():
        show_run(number, home, as_json=as_json)


@app.command()
def tasks(
    state: Annotated[str, typer.Option(help="open, overdue or settled")] = "open",
    assignee: Annotated[Optional[str], typer.Option(help="Only of this colleague.")] = None,
    account: Annotated[Optional[str], typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tasks, the most urgent first."""
    from app.commands.lists import show_tasks
    from app.running import exits

    with exits():
        show_tasks(home, state=state, assignee=assignee, account=account, limit=limit, as_json=as_json)


@app.command()
def mails(
    state: Annotated[Optional[str], typer.Option(help="prepared, sent, refused, skipped or unknown")] = None,
    account: Annotated[Optional[str], typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Mails, the newest first."""
    from app.commands.lists import show_mails
    from app.running import exits

    with exits():
        show_mails(home, state=state, account=account, limit=limit, as_json=as_json)


@mail_app.command("show")
def mail(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="The mail's number.")],
    do: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[cancel|resend|settle]", help="Stop it; send one that is unknown again; say what it is."
        ),
    ] = None,
    became: Annotated[Optional[str], typer.Option("--as", help="settle: sent or refused.")] = None,
    by: Annotated[str, typer.Option(help="Who does it.")] = "operator",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One mail, as its recipient reads it; or stop it, send it again, say what became of it."""
    from app.commands.lists import show_mail
    from app.commands.steer_mail import steer_mail
    from app.running import exits

    with exits():
        if do is not None:
            raise typer.Exit(steer_mail(number, do, became, by, home, as_json=as_json))
        show_mail(number, home, as_json=as_json)


@app.command()
def errands(
    state: Annotated[
        Optional[str], typer.Option(help="prepared, handing_over, delivered, refused, skipped or unknown")
    ] = None,
    kind: Annotated[Optional[str], typer.Option(help="webhook or chat")] = None,
    account: Annotated[Optional[str], typer.Option(help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What runs told other programs and chat channels, the newest first."""
    from app.commands.lists import show_errands
    from app.running import exits

    with exits():
        show_errands(home, state=state, kind=kind, account=account, limit=limit, as_json=as_json)


@app.command()
def errand(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="The errand's number.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One errand: what became of it, and what was sent."""
    from app.commands.lists import show_errand
    from app.running import exits

    with exits():
        show_errand(number, home, as_json=as_json)


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    playbook: Annotated[Optional[str], typer.Option(help="Only of this playbook.")] = None,
    at: Annotated[
        Optional[datetime],
        typer.Option(parser=as_moment, metavar="TIME", help="As it was known at this day, or DATEThh:mm."),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Why, and why not: the score's parts, and for each playbook what holds it back and what would change it."""
    from app.commands.explain import explain_account
    from app.running import exits

    with exits():
        explain_account(account, playbook, at, home, as_json=as_json)


@health_app.command()
def validate(
    card: Annotated[
        Optional[str], typer.Argument(help="A scorecard's name; not needed where there is one only.")
    ] = None,
    first: Annotated[
        Optional[datetime],
        typer.Option(
            "--from", parser=as_day, metavar="DATE", help="The first day of samples.", show_default="a year before --to"
        ),
    ] = None,
    last: Annotated[
        Optional[datetime],
        typer.Option(
            "--to", parser=as_day, metavar="DATE", help="The last one.", show_default="the latest whose horizon is over"
        ),
    ] = None,
    horizon: Annotated[str, typer.Option(help="How long each sample is followed.")] = "90 days",
    churned: Annotated[
        str, typer.Option(metavar="CONDITION", help="Whose becoming true counts as having left.")
    ] = 'account.lifecycle == "churned"',
    svg: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Draw it, too.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Whether a score told who would leave: as it was known then, against who left after, component by component."""
    from app.commands.health import validate_health
    from app.running import exits

    with exits():
        validate_health(card, home, first=first, last=last, horizon=horizon, churned=churned, svg=svg, as_json=as_json)


@health_app.command()
def days(
    card: Annotated[Optional[str], typer.Argument(help="A scorecard's name.", show_default="health")] = None,
    csm: Annotated[Optional[str], typer.Option(help="Only of this colleague's book.")] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="So many days back.")] = 90,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """How the book stood at the end of each day: customers, ARR, the mean score, and customers by band."""
    from app.commands.health_days import show_days
    from app.running import exits

    with exits():
        show_days(card, home, csm=csm, days=days, as_json=as_json)


@health_app.command()
def override(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    value: Annotated[
        Optional[float], typer.Option(metavar="0…100", help="What the score is to be.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option(help="What the score does not know.", show_default=False)] = "",
    until: Annotated[
        Optional[datetime],
        typer.Option(
            parser=as_moment, metavar="DATE", help="Until this day begins in the workspace's zone, or DATEThh:mm."
        ),
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Bring the card's own score back now.")] = False,
    card: Annotated[Optional[str], typer.Option(help="A scorecard's name; not needed where there is one only.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who decides, for whoever asks.")] = "command line",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put a person's word in the place of a score, for a while and with a reason; or end it."""
    from app.commands.override import end_override, override_score
    from app.running import exits

    with exits():
        if end:
            end_override(account, card, by, home, others=(value, reason, until), as_json=as_json)
        else:
            override_score(account, value, reason, until, card, by, home, as_json=as_json)


@app.command()
def surveys(
    by: Annotated[Optional[str], typer.Option(help="Apart by week, month, quarter or year.")] = None,
    playbook: Annotated[Optional[str], typer.Option(help="Only of this playbook.")] = None,
    first: Annotated[
        Optional[datetime], typer.Option("--from", parser=as_day, metavar="DATE", help="Asked from this day on.")
    ] = None,
    last: Annotated[
        Optional[datetime], typer.Option("--to", parser=as_day, metavar="DATE", help="Asked before this day.")
    ] = None,
    total: Annotated[bool, typer.Option("--total", help="Over all playbooks.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Surveys: how many answered, NPS and CSAT with their 95 % intervals."""
    from app.commands.surveys import show_surveys
    from app.running import exits

    with exits():
        show_surveys(home, by=by, playbook=playbook, first=first, last=last, total=total, as_json=as_json)
