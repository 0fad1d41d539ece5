"""Commands that change what a running Tenure knows or does."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Optional

import typer

from app.cli.root import Folder, Home, Json, app, as_day, as_moment, as_number, task_app


@app.command()
def deploy(
    folder: Folder,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change and start; publish nothing.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Publish a workspace and its playbooks; a broken playbook stays as it was, the others are published."""
    from app.commands.deploy import deploy_folder
    from app.running import exits

    with exits():
        raise typer.Exit(deploy_folder(folder, home, dry_run=dry_run, as_json=as_json))


@app.command(name="import")
def import_(
    folder: Folder,
    data: Annotated[Path, typer.Argument(help="The folder of the files that tenure.yaml's imports name.")],
    as_of: Annotated[
        Optional[datetime],
        typer.Option(
            parser=as_day, metavar="DATE", help="Stop the clock on this day: only what was known by then counts."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take in accounts, records and events from files."""
    from app.commands.import_ import import_files
    from app.running import exits

    with exits():
        raise typer.Exit(import_files(folder, data, as_of, home, as_json=as_json))


@app.command()
def pull(
    names: Annotated[
        Optional[list[str]], typer.Argument(metavar="NAME…", help="Sources of tenure.yaml; all of them by default.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take in what is new in other databases."""
    from app.commands.pull import pull_sources
    from app.running import exits

    with exits():
        raise typer.Exit(pull_sources(names or [], home, as_json=as_json))


@app.command()
def advance(
    to: Annotated[
        datetime,
        typer.Option(parser=as_moment, metavar="DATE", help="To the beginning of this day, or DATEThh:mm."),
    ],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Drive a virtual clock: facts become known, scores move, playbooks run."""
    from app.commands.advance import advance_to
    from app.running import exits

    with exits():
        advance_to(to, home, as_json=as_json)


@app.command()
def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be decided.")] = False,
    after_outage: Annotated[
        bool, typer.Option("--after-outage", help="The clock is right: nothing ran for more than 30 days.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Decide now: who crosses a threshold, who starts, who is held, and why."""
    from app.commands.sweep import sweep_now
    from app.running import exits

    with exits():
        sweep_now(home, dry_run=dry_run, after_outage=after_outage, as_json=as_json)


@app.command()
def restored(home: Home = None, as_json: Json = False) -> None:
    """PostgreSQL was brought back from an older copy, while no worker runs: all is to go on from there."""
    from app.commands.restored import restored as go_on
    from app.running import exits

    with exits():
        go_on(home, as_json=as_json)


@app.command()
def forget(home: Home = None, as_json: Json = False) -> None:
    """Give up what the workspace's `retention:` does not keep; on the real clock workers do it every night."""
    from app.commands.forget import forget_now
    from app.running import exits

    with exits():
        forget_now(home, as_json=as_json)


@app.command()
def start(
    playbook: Annotated[str, typer.Argument(help="A playbook with a manual trigger.")],
    account: Annotated[str, typer.Argument(help="The account's id.")],
    by: Annotated[str, typer.Option(help="Who starts it.")] = "operator",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Start a playbook by hand; the same rules apply as to any crossing."""
    from app.commands.operate import start_playbook
    from app.running import exits

    with exits():
        raise typer.Exit(start_playbook(playbook, account, by, home, as_json=as_json))


@app.command()
def retry(
    number: Annotated[
        int, typer.Argument(parser=as_number, metavar="NUMBER", help="The number of a run in the error queue.")
    ],
    skip: Annotated[bool, typer.Option("--skip", help="Go on without the failed step.")] = False,
    end: Annotated[bool, typer.Option("--end", help="End the run.")] = False,
    home: Home = None,
) -> None:
    """Get a run out of the error queue: try the failed step again, skip it, or end the run."""
    from app.commands.operate import retry_run
    from app.running import exits

    with exits():
        raise typer.Exit(retry_run(number, home, skip=skip, end=end))


@app.command()
def playbook(
    name: Annotated[str, typer.Argument(help="The playbook.")],
    do: Annotated[str, typer.Argument(help="pause, resume, off or rollback")],
    to: Annotated[Optional[int], typer.Option(help="rollback: the version; by default the one before.")] = None,
    home: Home = None,
) -> None:
    """Pause or resume a playbook, switch it off, or deploy an earlier version of it again."""
    from app.commands.operate import steer_playbook
    from app.running import exits

    with exits():
        raise typer.Exit(steer_playbook(name, do, to, home))


@task_app.command(name="done")
def task_done(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="The task's number.")],
    outcome: Annotated[str, typer.Option(help="One of the task's outcomes; of a review: send or drop.")] = "done",
    note: Annotated[Optional[str], typer.Option(help="What there is to say.")] = None,
    by: Annotated[Optional[str], typer.Option(help="Who did it; default: the assignee.")] = None,
    subject: Annotated[Optional[str], typer.Option(help="Of a review: another subject.")] = None,
    body: Annotated[Optional[Path], typer.Option(help="Of a review: a file with another text, in Markdown.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Complete a task; its run goes on at once."""
    from app.commands.task_done import complete_task
    from app.running import exits

    with exits():
        raise typer.Exit(complete_task(number, outcome, note, by, home, subject=subject, body=body, as_json=as_json))
