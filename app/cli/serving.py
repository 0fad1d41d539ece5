"""Commands that bring servers, workers and pages up."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from app.cli.root import Home, app


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Run a fixed span, print a JSON line, and exit.")] = False,
    days: Annotated[int, typer.Option(help="With --once: how many virtual days.", min=1, max=730)] = 60,
    speed: Annotated[float, typer.Option(help="Virtual days per second.", min=0.01, max=1000)] = 1.0,
    accounts: Annotated[int, typer.Option(help="How many accounts the book has.", min=1, max=20000)] = 200,
    seed: Annotated[int, typer.Option(help="Another seed, another book.")] = 1,
    home: Annotated[
        Optional[Path],
        typer.Option(help="Where the demo keeps its data.", envvar="TENURE_HOME", show_default=".tenure-demo"),
    ] = None,
) -> None:
    """A living book of business on this machine: real servers, virtual time."""
    from app.commands.demo import run_demo
    from app.running import exits

    with exits():
        run_demo(home=home, once=once, days=days, speed=speed, accounts=accounts, seed=seed)


@app.command()
def migrate(home: Home = None) -> None:
    """Bring the database to this version's tables."""
    from app.commands.serve import run_migrate
    from app.running import exits

    with exits():
        run_migrate(home)


@app.command()
def up(home: Home = None) -> None:
    """Everything on this machine, on the real clock: servers, worker and web, until Ctrl-C."""
    from app.commands.serve import run_up
    from app.running import exits

    with exits():
        run_up(home)


@app.command()
def worker(
    home: Home = None,
    held: Annotated[
        bool, typer.Option("--held", hidden=True, help="Work only after a line on standard input.")
    ] = False,
) -> None:
    """The process that runs playbooks: sweeps, delivers, acts and mails."""
    from app.commands.serve import run_worker_process
    from app.running import exits

    with exits():
        run_worker_process(home, held=held)


@app.command()
def web(home: Home = None) -> None:
    """The process that serves pages and the JSON API."""
    from app.commands.serve import run_web_process
    from app.running import exits

    with exits():
        run_web_process(home)
