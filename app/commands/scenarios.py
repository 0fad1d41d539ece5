"""`tenure test`: runs the scenarios beside the playbooks and says what differed."""

from pathlib import Path

from app.files import read_folder
from app.running import FINDINGS, say, show
from engine.problems import DocumentError
from engine.project import read_project
from engine.scenarios import Result as ScenarioResult
from engine.scenarios import ScenarioDocument, load_scenarios, run_scenario

_FILE = "scenarios.yaml"


def run_scenarios(folder: Path, *, as_json: bool) -> int:
    """0 when every playbook compiles and every scenario holds."""
    files = read_folder(folder)
    project = read_project(files, str(folder))
    for problem in project.problems:
        say(str(problem))
    results: list[tuple[str, ScenarioResult]] = []
    broken = project.broken
    for path, content in sorted(files.items()):
        if not path.endswith(f"/{_FILE}"):
            continue
        name = Path(path).parent.name
        compilation = project.playbooks.get(name)
        if compilation is None or compilation.compiled is None or project.workspace is None:
            say(f"{folder / path}: not run, since {name} does not compile")
            broken = True
            continue
        try:
            scenarios: tuple[ScenarioDocument, ...] = load_scenarios(content, str(folder / path))
        except DocumentError as error:
            say(str(error))
            broken = True
            continue
        results += [(name, run_scenario(one, compilation.compiled, project.workspace)) for one in scenarios]
    failed = [result for _, result in results if result.failures]
    if as_json:
        show([{"playbook": name, "scenario": one.name, "failures": one.failures} for name, one in results])
    else:
        _print(results)
    say(f"{len(results)} scenarios, {len(failed)} failed")
    return FINDINGS if failed or broken else 0


def _print(results: list[tuple[str, ScenarioResult]]) -> None:
    for name, result in results:
        print(f"{'FAILED' if result.failures else 'ok    '} {name}: {result.name}")
        for failure in result.failures:
            print(f"         {failure}")
        if result.failures:
            for day, one in result.happened:
                print(f"         | day {day:>3}  {one.what:<12} {one.step} {one.says}".rstrip())
