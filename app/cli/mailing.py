"""Commands about whom mail goes to, and who is forgotten."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from app.cli.root import Home, Json, app, suppress_app


@suppress_app.command(name="add")
def suppress_add(
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Who is not to be written to any more.")],
    note: Annotated[Optional[str], typer.Option(help="Why, for whoever asks.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write to these addresses no more, and stop what is queued for them."""
    from app.commands.suppress import add
    from app.running import exits

    with exits():
        raise typer.Exit(add(addresses, note, home, as_json=as_json))


@suppress_app.command(name="remove")
def suppress_remove(
    address: Annotated[str, typer.Argument(help="Who may be written to again.")],
    reason: Annotated[Optional[str], typer.Option(help="Only where it is on the list for this reason.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take an address off the list."""
    from app.commands.suppress import remove
    from app.running import exits

    with exits():
        raise typer.Exit(remove(address, reason, home, as_json=as_json))


@suppress_app.command(name="list")
def suppress_list(
    address: Annotated[Optional[str], typer.Option(help="Only this one.")] = None,
    reason: Annotated[
        Optional[str],
        typer.Option(help="unsubscribed, bounced, complained, provider, manual, imported or erased."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Who is not written to, why, and since when; the latest first."""
    from app.commands.suppress import list_
    from app.running import exits

    with exits():
        list_(address, reason, limit, home, as_json=as_json)


@suppress_app.command(name="import")
def suppress_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="With a column called address or email.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put the addresses of a file on the list; rows that hold none are named and left out."""
    from app.commands.suppress import import_
    from app.running import exits

    with exits():
        raise typer.Exit(import_(file, home, as_json=as_json))


@app.command()
def erase(
    contact: Annotated[str, typer.Argument(help="The contact's id at the account.")],
    account: Annotated[str, typer.Option(help="The account's id.")],
    by: Annotated[str, typer.Option(help="Who does it, for the receipt.")] = "operator",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Forget a person: stop what is on its way, take their name and address out of everything. There is no way back."""
    from app.commands.erase import erase_contact
    from app.running import exits

    with exits():
        erase_contact(contact, account, by, home, as_json=as_json)
