"""The command line: names, arguments and help only; each command imports its doing when it is called, so help is fast.

Exit codes everywhere: 0 fine, 1 findings, 2 usage, 3 a service is away.
"""

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


def _moment(text: str) -> datetime:
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


def _day(text: str) -> datetime:
    at = _moment(text)
    if len(text) != len("2024-06-30"):
        raise typer.BadParameter(f"{text!r} is no day; write it like 2024-06-30")
    return at


def _number(text: str) -> int:
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
health_app = typer.Typer(help="Look at the scores themselves.", no_args_is_help=True)
app.add_typer(health_app, name="health")

Home = Annotated[
    Optional[Path],
    typer.Option(
        "--home", help="Where the embedded servers keep their data.", envvar="TENURE_HOME", show_default=".tenure"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output; all else on standard error.")]
Folder = Annotated[Path, typer.Argument(help="A workspace: the folder of a tenure.yaml.")]


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
        Optional[datetime], typer.Option(parser=_day, metavar="DATE", help="The first day; default: today.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=2000, help="How many days.")] = 90,
    until: Annotated[Optional[datetime], typer.Option(parser=_day, metavar="DATE", help="Or the last day.")] = None,
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
def worker(home: Home = None) -> None:
    """The process that runs playbooks: sweeps, delivers, acts and mails."""
    from app.commands.serve import run_worker_process
    from app.running import exits

    with exits():
        run_worker_process(home)


@app.command()
def web(home: Home = None) -> None:
    """The process that serves pages and the JSON API."""
    from app.commands.serve import run_web_process
    from app.running import exits

    with exits():
        run_web_process(home)


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
            parser=_day, metavar="DATE", help="Stop the clock on this day: only what was known by then counts."
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
def advance(
    to: Annotated[
        datetime,
        typer.Option(parser=_moment, metavar="DATE", help="To the beginning of this day, or DATEThh:mm."),
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
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Decide now: who crosses a threshold, who starts, who is held, and why."""
    from app.commands.sweep import sweep_now
    from app.running import exits

    with exits():
        sweep_now(home, dry_run=dry_run, as_json=as_json)


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
    number: Annotated[int, typer.Argument(parser=_number, metavar="NUMBER", help="The run's number.")],
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


@task_app.command(name="done")
def task_done(
    number: Annotated[int, typer.Argument(parser=_number, metavar="NUMBER", help="The task's number.")],
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


@app.command()
def mail(
    number: Annotated[int, typer.Argument(parser=_number, metavar="NUMBER", help="The mail's number.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """One mail, as its recipient reads it."""
    from app.commands.lists import show_mail
    from app.running import exits

    with exits():
        show_mail(number, home, as_json=as_json)


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    playbook: Annotated[Optional[str], typer.Option(help="Only of this playbook.")] = None,
    at: Annotated[
        Optional[datetime],
        typer.Option(parser=_moment, metavar="TIME", help="As it was known at this day, or DATEThh:mm."),
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
            "--from", parser=_day, metavar="DATE", help="The first day of samples.", show_default="a year before --to"
        ),
    ] = None,
    last: Annotated[
        Optional[datetime],
        typer.Option(
            "--to", parser=_day, metavar="DATE", help="The last one.", show_default="the latest whose horizon is over"
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
        int, typer.Argument(parser=_number, metavar="NUMBER", help="The number of a run in the error queue.")
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


def main() -> None:
    """The entry point."""
    app(prog_name="tenure")
