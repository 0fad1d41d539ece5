"""Finds the playbook in a folder that a command was asked about, as it stands on disk, deployed or not."""

from dataclasses import dataclass
from pathlib import Path

from app.files import WORKSPACE_FILE, read_folder, shown_folder, workspace_of
from app.reports.printing import print_problems
from app.running import UsageError
from engine.compile import Compilation
from engine.plan import Compiled
from engine.problems import did_you_mean
from engine.project import PLAYBOOK_FILE, Project, read_project
from engine.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A playbook that compiles, with the workspace around it."""

    name: str
    folder: Path
    workspace: Workspace
    compiled: Compiled
    compilation: Compilation
    project: Project


class Broken(Exception):
    """The playbook has errors; they were printed."""


def find_draft(where: Path) -> Draft:
    """By its folder, a file in it, or its name inside the workspace at hand; Broken when it does not compile."""
    folder = _folder(where)
    root = workspace_of(folder)
    files = read_folder(root)
    shown = shown_folder(root)
    project = read_project(files, shown)
    name = folder.name
    compilation = project.playbooks.get(name)
    errors = [one for one in project.problems if one.severity == "error"]
    if project.workspace is None or (compilation is not None and compilation.compiled is None):
        own = [one for one in errors if project.workspace is None or f"{name}/" in one.spot.file]
        print_problems(own, files, shown)
        raise Broken
    if compilation is None or compilation.compiled is None:
        raise UsageError(f"there is no playbook {name} in {root}; {did_you_mean(name, tuple(project.playbooks))}")
    return Draft(
        name=name,
        folder=folder,
        workspace=project.workspace,
        compiled=compilation.compiled,
        compilation=compilation,
        project=project,
    )


def is_draft(where: Path) -> bool:
    """Whether this names something on disk, and not a deployed playbook."""
    try:
        _folder(where)
    except UsageError:
        return False
    return True


def _folder(where: Path) -> Path:
    for folder in (where if where.is_dir() else where.parent, Path("playbooks") / where, where):
        if (folder / PLAYBOOK_FILE).is_file():
            return folder.resolve()
    if where.is_dir() and (where / WORKSPACE_FILE).is_file():
        raise UsageError(f"{where} is a whole workspace; name one of its playbooks")
    raise UsageError(f"there is no playbook at {where}: no {PLAYBOOK_FILE} is there")
