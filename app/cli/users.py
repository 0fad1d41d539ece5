"""Commands about who may sign in."""

from typing import Annotated, Optional

import typer

from app.cli.root import Home, Json, user_app


@user_app.command(name="add")
def add(
    person: Annotated[str, typer.Argument(help="The person's key, as the book of business has it.")],
    role: Annotated[str, typer.Option(help="csm, ops or admin; each may what those before it may.")] = "csm",
    name: Annotated[Optional[str], typer.Option(help="Default: as the book has it.")] = None,
    email: Annotated[Optional[str], typer.Option(help="To sign in with. Default: as the book has it.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let a person sign in, or change the role; prints a link that sets the password."""
    from app.commands.users import add_user
    from app.running import exits

    with exits():
        add_user(person, role, name, email, home, as_json=as_json)


@user_app.command(name="list")
def list_(home: Home = None, as_json: Json = False) -> None:
    """Who may sign in, and how."""
    from app.commands.users import list_users
    from app.running import exits

    with exits():
        list_users(home, as_json=as_json)


@user_app.command(name="disable")
def disable(
    person: Annotated[str, typer.Argument(help="The person's key.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let a person sign in no more, and end the person's sessions."""
    from app.commands.users import disable_user
    from app.running import exits

    with exits():
        disable_user(person, home, as_json=as_json)


@user_app.command(name="link")
def link(
    person: Annotated[Optional[str], typer.Argument(help="The person's key; nobody: the first admin.")] = None,
    enter: Annotated[bool, typer.Option("--enter", help="Sign in at once, and set no password.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print a link that works once: it sets a password, makes the first admin, or signs in."""
    from app.commands.users import link_for
    from app.running import exits

    with exits():
        link_for(person, home, enter=enter, as_json=as_json)
