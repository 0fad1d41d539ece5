"""`tenure deploy`: publishes a workspace and those of its playbooks that compile."""

from datetime import UTC, datetime
from pathlib import Path

from app.files import read_folder, shown_folder
from app.reports.printing import print_problems
from app.running import FINDINGS, Services, plain, say, show
from app.tables import count, show_table
from engine.project import Project, read_project
from store import clock
from store.deploying.deploy import DeployReport, deploy, publications


def deploy_folder(folder: Path, home: Path | None, *, dry_run: bool, as_json: bool) -> int:
    """0 when all was published; 1 when a playbook is broken, and stays as it was while the others are published.

    A dry run says the same, and publishes nothing.
    """
    files = read_folder(folder)
    shown = shown_folder(folder.resolve())
    project = read_project(files, shown, today=datetime.now(UTC).date())
    print_problems(project.problems, files, shown)
    if project.workspace is None:
        say("nothing was deployed: the workspace itself is broken")
        return FINDINGS
    with Services(home) as services, services.database.begin() as conn:
        report = deploy(conn, project.workspace, publications(project), clock.now(conn))
        virtual = clock.is_virtual(conn)
        if dry_run:
            conn.rollback()
    broken = [name for name, one in project.playbooks.items() if one.compiled is None]
    if as_json:
        show({**plain(report), "broken": broken})
    else:
        _print(report, project, broken, dry_run=dry_run)
        if dry_run:
            say("nothing was published: this was a dry run")
        elif virtual:
            say("the clock is virtual: the playbooks begin to look when it is driven (tenure advance --to …)")
    return FINDINGS if project.broken else 0


def _print(report: DeployReport, project: Project, broken: list[str], *, dry_run: bool) -> None:
    rows = [(name, "new", _existing(report, project, name)) for name in report.new]
    rows += [(name, "changed", _existing(report, project, name)) for name in report.changed]
    rows += [(name, "unchanged", "") for name in report.unchanged]
    rows += [(name, "broken", "left as it was; its problems are above") for name in broken]
    rows += [
        (name, "missing here", f"left as it is; to end it: tenure playbook {name} off")
        for name in report.missing
        if name not in broken
    ]
    if rows:
        show_table(("PLAYBOOK", "", ""), sorted(rows))
    else:
        say("the folder has no playbooks yet")
    changed = "changed" if dry_run else "published"
    print(f"workspace {changed if report.workspace_changed else 'unchanged'}")
    for name, lines in sorted(report.differences.items()):
        print(f"\n{name}:")
        for line in lines:
            print(f"  {line}")


def _existing(report: DeployReport, project: Project, name: str) -> str:
    """Accounts for which a new trigger is true at once."""
    compiled = project.playbooks[name].compiled
    number = report.existing.get(name, 0)
    if not number or compiled is None:
        return ""
    do = "start" if compiled.entry.existing == "include" else "do not start"
    first = report.of_whom.get(name, ())
    whom = ", ".join(first) + (", …" if number > len(first) else "")
    true = f"for {count(number, 'account')} a trigger is true already ({whom})"
    return f"{true}: they {do} (existing: {compiled.entry.existing})"
