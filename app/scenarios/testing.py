"""Finds and runs the scenarios that stand beside playbooks."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.files import read_folder, shown_folder, workspace_of
from app.reports.printing import print_problems
from app.running import UsageError
from engine.problems import Problem
from engine.project import PLAYBOOK_FILE, SCENARIOS_FILE, Project, read_project
from engine.scenarios.coverage import Coverage, coverage
from engine.scenarios.judge import Result, run_scenario


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A scenario that was run."""

    playbook: str
    result: Result
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """All that was run, by file and in written order."""

    tested: tuple[Tested, ...]
    coverages: tuple[Coverage, ...]
    """Of the playbooks all of whose scenarios were run."""
    without: tuple[str, ...]
    """Playbooks that have no scenarios."""
    not_run: tuple[str, ...]
    """Playbooks whose scenarios cannot be run: they, or their scenarios, have errors."""
    broken: bool
    """A file has errors; they were printed."""


def run_tests(paths: Sequence[Path], only: str | None) -> TestRun:
    """Run the scenarios of all playbooks at, below or around the paths; `only` is a part of a name."""
    tested: list[Tested] = []
    coverages: list[Coverage] = []
    without: list[str] = []
    not_run: list[str] = []
    broken = False
    for root, inside in _by_workspace(paths).items():
        files = read_folder(root)
        shown = shown_folder(root)
        project = read_project(files, shown)
        chosen = {name: folder for name, folder in _folders(files) if _is_asked(root / folder, inside)}
        concern = [one for one in project.problems if _concerns(one, shown, chosen)]
        problems = [one for one in concern if one.severity == "error"]
        print_problems(problems, files, shown)
        broken |= bool(problems) or project.workspace is None
        for name, folder in chosen.items():
            if f"{folder}/{SCENARIOS_FILE}" not in files:
                without.append(name)
                continue
            if not project.scenarios.get(name):
                not_run.append(name)
                continue
            own = list(results_of(project, name, only))
            tested += own
            compiled = project.playbooks[name].compiled
            if compiled is not None and own and only is None:
                coverages.append(coverage(compiled, [one.result.simulation for one in own]))
    return TestRun(
        tested=tuple(tested), coverages=tuple(coverages), without=tuple(without), not_run=tuple(not_run), broken=broken
    )


def results_of(project: Project, playbook: str, only: str | None = None) -> Iterator[Tested]:
    """Run the scenarios of one playbook that has been read; none where it, or the workspace, has errors."""
    compiled = project.playbooks[playbook].compiled
    if compiled is None or project.workspace is None:
        return
    for scenario in project.scenarios.get(playbook, ()):
        if only is None or only.casefold() in f"{playbook}: {scenario.name}".casefold():
            began = time.perf_counter()
            result = run_scenario(scenario, compiled, project.workspace)
            yield Tested(playbook=playbook, result=result, seconds=time.perf_counter() - began)


def _by_workspace(paths: Sequence[Path]) -> dict[Path, list[Path]]:
    wanted: dict[Path, list[Path]] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        wanted.setdefault(workspace_of(path), []).append(path.resolve())
    return wanted


def _folders(files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    for path in sorted(files):
        if path.endswith(f"/{PLAYBOOK_FILE}"):
            folder = path.removesuffix(f"/{PLAYBOOK_FILE}")
            yield folder.rpartition("/")[2], folder


def _is_asked(folder: Path, inside: Sequence[Path]) -> bool:
    """The folder lies in what was asked for, or what was asked for lies in it."""
    return any(path == folder or path in folder.parents or folder in path.parents for path in inside)


def _concerns(problem: Problem, root: str, chosen: dict[str, str]) -> bool:
    """Of a chosen playbook, or of the workspace around them all."""
    file = problem.spot.file.removeprefix(f"{root}/")
    return "playbooks/" not in f"/{file}" or any(file.startswith(f"{folder}/") for folder in chosen.values())
