"""What all commands share: the program itself, and arguments that mean the same everywhere."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup


class _Commands(TyperGroup):
    """Refuses what no argument of any command may hold, before anything is opened."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """NUL ends text in PostgreSQL and in file names; half a surrogate is a byte that was not UTF-8."""
        for one in args:
            if "\0" in one or any("\ud800" <= character <= "\udfff" for character in one):
                raise typer.BadParameter(f"{one!r} is not text", ctx=ctx)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The whole sentence of each, not its first words."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(limit=500)) for name, command in found if command])


class _OneMail(TyperGroup):
    """`tenure mail 7` shows mail 7, as it always did."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = next((one for one in args if not one.startswith("-")), None)
        if named is not None and named not in self.commands:
            args = ["show", *args]
        return super().parse_args(ctx, args)


def as_moment(text: str) -> datetime:
    """A day, or a day and a time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise typer.BadParameter(f"{text!r} is no date; write it like 2024-06-30 or 2024-06-30T09:30")
    if not 1970 <= at.year <= 2200:
        raise typer.BadParameter(f"{text} is out of reach; use a year from 1970 to 2200")
    return at


def as_day(text: str) -> datetime:
    at = as_moment(text)
    if len(text) != len("2024-06-30"):
        raise typer.BadParameter(f"{text!r} is no day; write it like 2024-06-30")
    return at


def as_number(text: str) -> int:
    """Of a run, a task or a mail, as the lists show them."""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) < 2**63):
        raise typer.BadParameter(f"{text!r} is no number from the list")
    return int(text)


app = typer.Typer(
    name="tenure",
    cls=_Commands,
    help="Runs Customer Success playbooks: health scores say who, playbooks say what, Tenure does it and says why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing it takes longer than all the rest
    add_completion=True,
)
task_app = typer.Typer(help="Do something with one task.", no_args_is_help=True)
app.add_typer(task_app, name="task")
user_app = typer.Typer(help="Who may sign in.", no_args_is_help=True)
app.add_typer(user_app, name="user")
mail_app = typer.Typer(
    cls=_OneMail, help="Look at one mail, as its recipient reads it, or send yourself one.", no_args_is_help=True
)
app.add_typer(mail_app, name="mail")
health_app = typer.Typer(help="Look at the scores themselves.", no_args_is_help=True)
app.add_typer(health_app, name="health")
suppress_app = typer.Typer(help="Addresses that are not written to, whatever the playbook.", no_args_is_help=True)
app.add_typer(suppress_app, name="suppress")
quarantine_app = typer.Typer(help="Rows and facts that were told and not taken in.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")
breaker_app = typer.Typer(help="Starts that were held back because too much happened at once.", no_args_is_help=True)
app.add_typer(breaker_app, name="breaker")

Home = Annotated[
    Optional[Path],
    typer.Option(
        "--home", help="Where the embedded servers keep their data.", envvar="TENURE_HOME", show_default=".tenure"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output; all else on standard error.")]
Folder = Annotated[Path, typer.Argument(help="A workspace: the folder of a tenure.yaml.")]
