"""A whole workspace folder: its workspace, its playbooks with their texts, and every problem of all files at once.

A folder is tenure.yaml, scorecards/*.yaml and playbooks, each in a folder of its own named as the playbook, at the top
or under playbooks/: playbook.yaml, emails/*.md, scenarios.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from engine.compile import Compilation, compile_playbook, names_for_texts
from engine.document import load_document, read_model
from engine.enrolling import enrolling_problems
from engine.playbook import PlaybookDocument
from engine.problems import DocumentError, Problem, Spot
from engine.scenarios.document import ScenarioDocument, load_scenarios, read_scenarios
from engine.texts.document import MailText, load_text
from engine.workspace import Workspace, load_workspace

PLAYBOOK_FILE = "playbook.yaml"
SCENARIOS_FILE = "scenarios.yaml"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a folder holds. A broken playbook has no `compiled`; the others are as good as ever."""

    workspace: Workspace | None
    playbooks: Mapping[str, Compilation]
    """By the name of the folder."""
    scenarios: Mapping[str, tuple[ScenarioDocument, ...]]
    """Those that can be run, by the name of their playbook. Broken ones keep no playbook from being deployed."""
    problems: tuple[Problem, ...]

    @property
    def broken(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def read_project(files: Mapping[str, bytes], root: str = "", *, today: date | None = None) -> Project:
    """Check and compile everything in `files` (path inside the folder → content); `root` leads the file names in
    problems; `today` is for warnings of dates that have passed. Never raises."""
    shown = {path: f"{root}/{path}" if root else path for path in files}
    try:
        workspace = load_workspace(files)
    except DocumentError as error:
        own = [_rooted(problem, shown) for problem in error.problems]
        return Project(workspace=None, playbooks={}, scenarios={}, problems=(*own, *_shape_problems(files, shown)))
    folders = sorted(path.removesuffix(f"/{PLAYBOOK_FILE}") for path in files if path.endswith(f"/{PLAYBOOK_FILE}"))
    mails = _mails(files)
    names, topics = names_for_texts(workspace), tuple(workspace.mail.all_topics())
    compilations: dict[str, Compilation] = {}
    scenarios: dict[str, tuple[ScenarioDocument, ...]] = {}
    problems = []
    for folder in folders:
        texts, found = _texts(mails.get(folder, {}), shown, names, topics)
        name = folder.rpartition("/")[2]
        path = f"{folder}/{PLAYBOOK_FILE}"
        compilation = compile_playbook(files[path], shown[path], name, texts, workspace, today=today)
        if name in compilations:
            spot = Spot(file=shown[path])
            found.append(Problem(code="PB320", spot=spot, message=f"two folders are called {name}", hint="rename one"))
        if any(problem.severity == "error" for problem in found):
            compilation = replace(compilation, compiled=None, texts={})
        # A mail that is broken is missing as well; one problem is enough.
        missing = [f'"{_stem(problem.spot.file)}"' for problem in found]
        own = [one for one in compilation.problems if one.code != "PB321" or not any(m in one.message for m in missing)]
        compilations[name] = compilation
        problems += [*own, *found]
        beside = f"{folder}/{SCENARIOS_FILE}"
        if beside in files:
            scenarios[name], wrong = _scenarios(files[beside], shown[beside], compilation, workspace)
            problems += wrong
    for name, wrong in enrolling_problems(compilations).items():
        compilations[name] = replace(compilations[name], compiled=None, texts={})
        scenarios.pop(name, None)
        problems += wrong
    return Project(workspace=workspace, playbooks=compilations, scenarios=scenarios, problems=tuple(problems))


def _scenarios(
    content: bytes, file: str, compilation: Compilation, workspace: Workspace
) -> tuple[tuple[ScenarioDocument, ...], tuple[Problem, ...]]:
    """What can be run, and what is wrong; of a broken playbook's only the shape is looked at."""
    from engine.scenarios.check import scenario_problems

    try:
        document = load_document(content, file)
        scenarios = read_scenarios(document)
    except DocumentError as error:
        return (), error.problems
    if compilation.compiled is None:
        return (), ()
    problems = scenario_problems(document, scenarios, compilation.compiled, workspace)
    return (() if problems else scenarios), problems


def _shape_problems(files: Mapping[str, bytes], shown: Mapping[str, str]) -> list[Problem]:
    """What can be said of playbooks and scenarios while nobody knows what their words mean."""
    problems: list[Problem] = []
    for path in sorted(files):
        try:
            if path.endswith(f"/{PLAYBOOK_FILE}"):
                read_model(PlaybookDocument, load_document(files[path], shown[path]))
            elif path.endswith(f"/{SCENARIOS_FILE}"):
                load_scenarios(files[path], shown[path])
        except DocumentError as error:
            problems += error.problems
    return problems


def _mails(files: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    """The mails' files by the folder of their playbook."""
    mails: dict[str, dict[str, bytes]] = {}
    for path in sorted(files):
        folder, found, name = path.partition("/emails/")
        if found and name.endswith(".md"):
            mails.setdefault(folder, {})[path] = files[path]
    return mails


def _texts(
    files: Mapping[str, bytes], shown: Mapping[str, str], names: tuple[str, ...], topics: tuple[str, ...]
) -> tuple[dict[str, MailText], list[Problem]]:
    texts: dict[str, MailText] = {}
    problems: list[Problem] = []
    for path, content in files.items():
        try:
            texts[_stem(path)] = load_text(content, shown[path], names, topics)
        except DocumentError as error:
            problems += error.problems
    return texts, problems


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".md")


def _rooted(problem: Problem, shown: Mapping[str, str]) -> Problem:
    spot = problem.spot
    file = shown.get(spot.file, spot.file)
    return Problem(
        code=problem.code,
        spot=Spot(file=file, line=spot.line, column=spot.column, path=spot.path),
        message=problem.message,
        hint=problem.hint,
        severity=problem.severity,
    )
