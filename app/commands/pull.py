"""`tenure pull`: take in what is new in another database."""

from collections.abc import Sequence
from pathlib import Path

from app.commands.import_ import print_problems
from app.connectors import open_source
from app.errors import ServerAway
from app.reports.json_ import problem_json
from app.running import FINDINGS, Services, UsageError, say, show
from app.tables import show_table
from connectors.errors import ConnectorError, Unavailable
from engine.problems import did_you_mean
from engine.workspace import Pull, Workspace
from store.deployed import load_workspace
from store.intake.pulling import Overtaken
from workflows.pulls import Pulled, pull


def pull_sources(names: Sequence[str], home: Path | None, *, as_json: bool) -> int:
    """Those that are named, or all of the deployed workspace; 1 when rows were left out."""
    done: dict[str, Pulled] = {}
    with Services(home, must_exist=True) as services:
        with services.database.connect() as conn:
            workspace = load_workspace(conn)
        for one in _chosen(workspace, names):
            try:
                done[one.name] = pull(services.database, workspace, one, open_source)
            except Unavailable as error:
                raise ServerAway("the source", one.name, str(error)) from error
            except (ConnectorError, Overtaken) as error:
                raise UsageError(str(error)) from error
    problems = [problem for one in done.values() for problem in one.problems]
    print_problems(problems)
    if as_json:
        counts = {name: {"rows": one.rows, "facts": one.facts, "repeats": one.repeats} for name, one in done.items()}
        show({"sources": counts, "problems": [problem_json(problem) for problem in problems]})
    else:
        rows = [(name, f"{one.rows:,}", f"{one.facts:,}", f"{one.repeats:,}") for name, one in done.items()]
        show_table(("SOURCE", "ROWS", "NEW FACTS", "KNOWN BEFORE"), rows)
    return FINDINGS if any(problem.severity == "error" for problem in problems) else 0


def _chosen(workspace: Workspace, names: Sequence[str]) -> list[Pull]:
    if not workspace.pulls:
        raise UsageError("the deployed workspace has no `sources:`")
    for name in names:
        if name not in workspace.pulls:
            hint = did_you_mean(name, workspace.pulls) or f"there are {', '.join(workspace.pulls)}"
            raise UsageError(f'there is no source "{name}"; {hint}')
    if not names:
        say(f"pulling {', '.join(workspace.pulls)}")
    return [workspace.pulls[name] for name in (names or workspace.pulls)]
