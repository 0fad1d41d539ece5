"""Commands about what was held back until a person has looked at it: odd facts, and too many starts at once."""

from typing import Annotated, Optional

import typer

from app.cli.root import Home, Json, as_number, breaker_app, quarantine_app

_Numbers = Annotated[
    Optional[list[int]], typer.Argument(parser=as_number, metavar="NUMBER…", help="Numbers from the list.")
]
_By = Annotated[str, typer.Option("--by", help="Who decides, for whoever asks.")]


@quarantine_app.command(name="list")
def quarantine_list(
    state: Annotated[str, typer.Option(help="held, released or dropped.")] = "held",
    source: Annotated[Optional[str], typer.Option(help='Of one source: "import scores", "pull billing", api.')] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What was told and not taken in, with the reason; 1 when something is held."""
    from app.commands.quarantine import list_
    from app.running import exits

    with exits():
        raise typer.Exit(list_(state, source, limit, home, as_json=as_json))


@quarantine_app.command(name="release")
def quarantine_release(
    numbers: _Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="All that is held.")] = False,
    source: Annotated[Optional[str], typer.Option(help="All that is held of one source.")] = None,
    by: _By = "command line",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Try it again by the deployed workspace; 1 when some of it still cannot come in."""
    from app.commands.quarantine import release
    from app.running import exits

    with exits():
        raise typer.Exit(release(numbers or [], source, by, home, every=every, as_json=as_json))


@quarantine_app.command(name="drop")
def quarantine_drop(
    numbers: _Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="All that is held.")] = False,
    source: Annotated[Optional[str], typer.Option(help="All that is held of one source.")] = None,
    by: _By = "command line",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Never take it in; told again, it stays dropped."""
    from app.commands.quarantine import drop
    from app.running import exits

    with exits():
        raise typer.Exit(drop(numbers or [], source, by, home, every=every, as_json=as_json))


@breaker_app.command(name="list")
def breaker_list(
    every: Annotated[bool, typer.Option("--all", help="Also those that were settled.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What was held back at once, and why; 1 while something is."""
    from app.commands.breaker import list_
    from app.running import exits

    with exits():
        raise typer.Exit(list_(home, every=every, as_json=as_json))


@breaker_app.command(name="show")
def breaker_show(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="From the list.")],
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The accounts whose starts are held back."""
    from app.commands.breaker import show_
    from app.running import exits

    with exits():
        raise typer.Exit(show_(number, limit, home, as_json=as_json))


@breaker_app.command(name="release")
def breaker_release(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="From the list.")],
    share: Annotated[
        float, typer.Option(help="Percent of the accounts, to see first what it does.", min=0, max=100)
    ] = 100,
    by: _By = "command line",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let them start, if their conditions still hold."""
    from app.commands.breaker import release
    from app.running import exits

    with exits():
        raise typer.Exit(release(number, share, by, home, as_json=as_json))


@breaker_app.command(name="drop")
def breaker_drop(
    number: Annotated[int, typer.Argument(parser=as_number, metavar="NUMBER", help="From the list.")],
    by: _By = "command line",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let none of them start; they may again when their triggers fire anew."""
    from app.commands.breaker import drop
    from app.running import exits

    with exits():
        raise typer.Exit(drop(number, by, home, as_json=as_json))
