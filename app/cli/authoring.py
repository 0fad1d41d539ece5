"""Commands for those who write playbooks: nothing here needs a server."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from app.cli.root import Home, Json, app, as_day, mail_app


@app.command()
def check(
    paths: Annotated[
        Optional[list[Path]], typer.Argument(help="Workspaces, folders or files.", show_default=".")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="human, json, sarif or github")] = "human",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    as_json: Json = False,
) -> None:
    """Find every problem in playbooks, mails, scorecards and the workspace."""
    from app.commands.check import check_paths
    from app.running import exits

    with exits():
        raise typer.Exit(check_paths(paths or [Path()], form, as_json=as_json, strict=strict))


@app.command()
def new(
    name: Annotated[Optional[str], typer.Argument(help="What the playbook is to be called.")] = None,
    template: Annotated[Optional[str], typer.Option("--from", help="A playbook of the library.")] = None,
    where: Annotated[
        Optional[Path], typer.Option("--in", metavar="WORKSPACE", help="Where it goes.", show_default=".")
    ] = None,
    workspace: Annotated[Optional[Path], typer.Option(metavar="DIR", help="Make a workspace there first.")] = None,
) -> None:
    """Begin a playbook from the library, or a workspace; without a name, list what there is to begin with."""
    from app.commands.new import list_templates, new_playbook, new_workspace
    from app.running import UsageError, exits

    with exits():
        if (name is None) != (template is None):
            raise UsageError("a new playbook needs a name and a template: tenure new NAME --from TEMPLATE")
        if workspace is not None:
            new_workspace(workspace)
        if name is not None and template is not None:
            raise typer.Exit(new_playbook(name, template, where or workspace))
        if workspace is None:
            list_templates()


@app.command()
def fmt(
    paths: Annotated[
        Optional[list[Path]], typer.Argument(help="Workspaces, folders or files.", show_default=".")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only name the files that would change, and fail.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Only show what would change.")] = False,
) -> None:
    """Put keys, expressions and white space in order; comments, texts and meaning stay."""
    from app.commands.fmt import format_paths
    from app.running import exits

    with exits():
        raise typer.Exit(format_paths(paths or [Path()], check=check, diff=diff))


@app.command()
def docs(
    word: Annotated[Optional[str], typer.Argument(help="A word of the language, a code, or a group of words.")] = None,
    form: Annotated[str, typer.Option("--format", help="human, markdown or json")] = "human",
    as_json: Json = False,
) -> None:
    """The language, word by word: steps, triggers, functions, settings, codes."""
    from app.commands.docs import show_docs
    from app.running import exits

    with exits():
        show_docs(word, form, as_json=as_json)


@app.command()
def schema(
    name: Annotated[str, typer.Argument(help="playbook, tenure, scorecard, scenarios or all")] = "all",
    out: Annotated[Optional[Path], typer.Option(help="Write NAME.json into this folder.", metavar="DIR")] = None,
) -> None:
    """The JSON Schemas for editors: completion, hover texts and checks while one writes."""
    from app.commands.schema import show_schema
    from app.running import exits

    with exits():
        show_schema(name, out)


@app.command()
def test(
    paths: Annotated[
        Optional[list[Path]], typer.Argument(help="Workspaces, playbooks or scenario files.", show_default=".")
    ] = None,
    only: Annotated[Optional[str], typer.Option("-k", metavar="NAME", help="Only scenarios named like this.")] = None,
    junit: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Write the results as JUnit XML, too.")] = None,
    as_json: Json = False,
) -> None:
    """Run the scenarios that stand beside the playbooks, in virtual time, and say what none of them walks."""
    from app.commands.scenarios import run_scenarios
    from app.running import exits

    with exits():
        raise typer.Exit(run_scenarios(paths or [Path()], only, junit, as_json=as_json))


@app.command()
def graph(
    playbook: Annotated[Path, typer.Argument(help="A playbook's folder, or its name in the workspace at hand.")],
    form: Annotated[
        Optional[str], typer.Option("--format", help="text, svg, mermaid or dot", show_default="by --out, or text")
    ] = None,
    out: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Write it here.")] = None,
) -> None:
    """Draw a playbook: what starts it, its steps, its branches and waits, and what ends it."""
    from app.commands.graph import draw_playbook
    from app.running import exits

    with exits():
        raise typer.Exit(draw_playbook(playbook, form, out))


@app.command()
def simulate(
    playbook: Annotated[str, typer.Argument(help="A playbook's folder, or the name of a deployed one.")],
    account: Annotated[Optional[str], typer.Option(help="A real account, with the facts known of it.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="An invented account (the default).")] = False,
    at: Annotated[
        Optional[datetime], typer.Option(parser=as_day, metavar="DATE", help="The first day; default: today.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=2000, help="How many days.")] = 90,
    until: Annotated[Optional[datetime], typer.Option(parser=as_day, metavar="DATE", help="Or the last day.")] = None,
    assume: Annotated[
        Optional[list[str]],
        typer.Option(metavar="FIELD=VALUE@DAY", help="A fact from that day on, such as health.score=40@3."),
    ] = None,
    people: Annotated[
        Optional[list[str]],
        typer.Option(metavar="STEP=OUTCOME@DAYS", help="What people do: call=reached@2, hello=replied@1."),
    ] = None,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Begin on the first day, whatever the triggers say.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What a playbook would do, day by day: its branches and why, its waits, and what it would write."""
    from app.commands.simulate import simulate_playbook
    from app.running import exits

    if sample and account:
        raise typer.BadParameter("--sample and --account are two things; choose one")
    with exits():
        raise typer.Exit(
            simulate_playbook(
                playbook,
                account=account,
                at=at,
                days=days,
                until=until,
                assume=assume or [],
                people=people or [],
                home=home,
                by_hand=by_hand,
                as_json=as_json,
            )
        )


@app.command()
def render(
    template: Annotated[str, typer.Argument(metavar="PLAYBOOK/MAIL", help="Such as playbooks/rescue/hello.")],
    account: Annotated[Optional[str], typer.Option(help="For a real account.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="For an invented account (the default).")] = False,
    form: Annotated[str, typer.Option("--format", help="text, html or source")] = "text",
    locale: Annotated[Optional[str], typer.Option(help="In this language, where there is a translation.")] = None,
    out: Annotated[
        Optional[Path], typer.Option("--open-in", metavar="FILE", help="Write it here; .html for a browser.")
    ] = None,
    home: Home = None,
) -> None:
    """A mail as its recipient would read it."""
    from app.commands.render import render_template
    from app.running import exits

    if sample and account:
        raise typer.BadParameter("--sample and --account are two things; choose one")
    with exits():
        raise typer.Exit(render_template(template, account=account, form=form, locale=locale, out=out, home=home))


@mail_app.command("test")
def mail_test(
    template: Annotated[str, typer.Argument(metavar="PLAYBOOK/MAIL", help="Such as playbooks/rescue/hello.")],
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Who gets it: you.")],
    account: Annotated[Optional[str], typer.Option(help="Filled in for a real account.")] = None,
    locale: Annotated[Optional[str], typer.Option(help="In this language, where there is a translation.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send yourself one mail of a playbook, through the connector of its workspace."""
    from app.commands.mail_test import send_test
    from app.running import exits

    with exits():
        raise typer.Exit(send_test(template, to, account=account, locale=locale, home=home, as_json=as_json))
