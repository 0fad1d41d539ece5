"""`tenure test`: runs the scenarios beside the playbooks and says what differed."""

from pathlib import Path

from app.commands.check import print_problems
from app.files import read_folder
from app.running import FINDINGS, say, show
from app.tables import count
from engine.project import read_project
from engine.scenarios import Result, run_scenario


def run_scenarios(folder: Path, *, as_json: bool) -> int:
    """0 when nothing is wrong with the workspace and every scenario holds."""
    files = read_folder(folder)
    project = read_project(files, str(folder))
    print_problems(project.problems, files, folder)
    results: list[tuple[str, Result]] = []
    for name, scenarios in project.scenarios.items():
        compiled = project.playbooks[name].compiled
        if compiled is not None and project.workspace is not None:
            results += [(name, run_scenario(one, compiled, project.workspace)) for one in scenarios]
    failed = sum(bool(result.failures) for _, result in results)
    if as_json:
        show([{"playbook": name, "scenario": one.name, "failures": one.failures} for name, one in results])
    else:
        _print(results)
    without = [name for name in project.playbooks if name not in project.scenarios]
    if without:
        say(f"no scenarios.yaml: {', '.join(without)}")
    say(f"{count(len(results), 'scenario')}, {failed} failed")
    return FINDINGS if failed or project.broken else 0


def _print(results: list[tuple[str, Result]]) -> None:
    for name, result in results:
        print(f"{'FAILED' if result.failures else 'ok    '} {name}: {result.name}")
        for failure in result.failures:
            print(f"         {failure}")
        if result.failures:
            for day, one in result.happened:
                print(f"         | day {day:>3}  {one.what:<12} {one.step} {one.says}".rstrip())
