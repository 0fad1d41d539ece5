"""A whole workspace folder: its workspace, its playbooks with their texts, and every problem of all files at once.

A folder is tenure.yaml, scorecards/*.yaml and playbooks, each in a folder of its own named as the playbook, at the top
or under playbooks/: playbook.yaml, emails/*.md, scenarios.yaml.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from engine.compile import Compilation, compile_playbook, names_for_texts
from engine.documents.document import load_document, read_model
from engine.enrolling import Starts, enrolling_problems
from engine.playbook import PlaybookDocument
from engine.problems import DocumentError, Problem, Spot
from engine.texts.document import MailText, load_text
from engine.texts.translations import translation_problems
from engine.workspace import Workspace, load_workspace

if TYPE_CHECKING:
    from engine.scenarios.document import ScenarioDocument

PLAYBOOK_FILE = "playbook.yaml"
SCENARIOS_FILE = "scenarios.yaml"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a folder holds. A broken playbook has no `compiled`; the others are as good as ever."""

    workspace: Workspace | None
    playbooks: Mapping[str, Compilation]
    """By the name of the folder."""
    scenarios: Mapping[str, "tuple[ScenarioDocument, ...]"]
    """Those that can be run, by the name of their playbook. Broken ones keep no playbook from being deployed."""
    problems: tuple[Problem, ...]

    @property
    def broken(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def read_project(files: Mapping[str, bytes], root: str = "", *, today: date | None = None) -> Project:
    """Check and compile everything in `files` (path inside the folder → content); `root` leads the file names in
    problems; `today` is for warnings of dates that have passed. Never raises."""
    shown = _shown(files, root)
    try:
        workspace = load_workspace(files)
    except DocumentError as error:
        return Project(workspace=None, playbooks={}, scenarios={}, problems=_without_workspace(error, files, shown))
    reader = _Reader(files, shown, workspace, today)
    found = [reader.read(folder) for folder in playbook_folders(files)]
    wrong = _of_all([_brief(one) for one in found], shown)
    stopped = {one.name for one in found if wrong[one.folder].stops}
    return Project(
        workspace=workspace,
        playbooks={
            one.name: replace(one.compilation, compiled=None, texts={}) if one.name in stopped else one.compilation
            for one in found
        },
        scenarios={one.name: one.scenarios for one in found if one.scenarios is not None and one.name not in stopped},
        problems=tuple(problem for one in found for problem in (*one.problems, *wrong[one.folder].problems)),
    )


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What is told of one playbook's folder to whoever wants no more than problems; it may come from elsewhere."""

    folder: str
    starts: Starts
    problems: tuple[Problem, ...]


Share = Callable[[Sequence[str]], Iterable[Brief]]
"""Looks at some folders; gives a brief for each, in their order."""


def read_briefly(
    files: Mapping[str, bytes], root: str, folders: Sequence[str], *, today: date | None
) -> tuple[Brief, ...]:
    """Briefs of some playbooks of a folder whose workspace is without errors."""
    reader = _Reader(files, _shown(files, root), load_workspace(files), today)
    return tuple(_brief(reader.read(folder)) for folder in folders)


def problems_of(
    files: Mapping[str, bytes], root: str = "", *, today: date | None = None, share: Share | None = None
) -> tuple[Problem, ...]:
    """The problems that `read_project` finds, of which nothing else is kept; `share` may look at folders elsewhere."""
    shown = _shown(files, root)
    try:
        workspace = load_workspace(files)
    except DocumentError as error:
        return _without_workspace(error, files, shown)
    reader, folders = _Reader(files, shown, workspace, today), playbook_folders(files)
    briefs = list(share(folders)) if share else [_brief(reader.read(folder)) for folder in folders]
    wrong = _of_all(briefs, shown)
    return tuple(problem for one in briefs for problem in (*one.problems, *wrong[one.folder].problems))


def playbook_folders(files: Iterable[str]) -> list[str]:
    """The folders of playbooks, sorted."""
    return sorted(path.removesuffix(f"/{PLAYBOOK_FILE}") for path in files if path.endswith(f"/{PLAYBOOK_FILE}"))


@dataclass(frozen=True, kw_only=True)
class _Found:
    """All that is in one playbook's folder."""

    folder: str
    compilation: Compilation
    scenarios: "tuple[ScenarioDocument, ...] | None"
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        return _name(self.folder)


class _Reader:
    """Reads playbooks of one workspace, each for itself."""

    def __init__(
        self, files: Mapping[str, bytes], shown: Mapping[str, str], workspace: Workspace, today: date | None
    ) -> None:
        self._files, self._shown, self._workspace, self._today = files, shown, workspace, today
        self._mails, self._names = _mails(files), names_for_texts(workspace)
        self._topics = tuple(workspace.mail.all_topics())

    def read(self, folder: str) -> _Found:
        files, shown = self._files, self._shown
        mails = self._mails.get(folder, {})
        texts, found = _texts(mails, shown, self._names, self._topics)
        sources = {_stem(path): (content, shown[path]) for path, content in mails.items()}
        found += translation_problems(texts, self._workspace.locales[1:], sources)
        unsure: list[Problem] = []
        path, beside = f"{folder}/{PLAYBOOK_FILE}", f"{folder}/{SCENARIOS_FILE}"
        compilation = compile_playbook(
            files[path], shown[path], _name(folder), texts, self._workspace, today=self._today
        )
        for name in (one for one, text in texts.items() if text.hash in compilation.texts):
            unsure += _unsure(texts[name], *sources[name], compilation.sure)
        if any(problem.severity == "error" for problem in found):
            compilation = replace(compilation, compiled=None, texts={})
        # A mail that is broken is missing as well; one problem is enough.
        missing = [f'"{_stem(problem.spot.file)}"' for problem in found]
        own = [one for one in compilation.problems if one.code != "PB321" or not any(m in one.message for m in missing)]
        scenarios: tuple[ScenarioDocument, ...] | None = None
        wrong: tuple[Problem, ...] = ()
        if beside in files:
            scenarios, wrong = _scenarios(files[beside], shown[beside], compilation, self._workspace)
        return _Found(
            folder=folder, compilation=compilation, scenarios=scenarios, problems=(*own, *found, *unsure, *wrong)
        )


def _unsure(text: MailText, content: bytes, file: str, sure: tuple[str, ...]) -> list[Problem]:
    from engine.texts.unsure import unsure_in_mail

    return unsure_in_mail(text, content, file, sure)


def _brief(one: _Found) -> Brief:
    return Brief(folder=one.folder, starts=Starts.of(one.compilation), problems=one.problems)


@dataclass(frozen=True, kw_only=True)
class _Wrong:
    """What is wrong with a playbook among the others; `stops` keeps it from being deployed."""

    problems: tuple[Problem, ...] = ()
    stops: bool = False


def _of_all(briefs: Sequence[Brief], shown: Mapping[str, str]) -> dict[str, _Wrong]:
    """By folder, what only those see who look at all playbooks."""
    wrong: dict[str, _Wrong] = {}
    enrolling = enrolling_problems({_name(one.folder): one.starts for one in briefs})
    last = {_name(one.folder): one.folder for one in briefs}
    seen: set[str] = set()
    for one in briefs:
        name = _name(one.folder)
        twice, starting = [], enrolling.get(name, ()) if last[name] == one.folder else ()
        if name in seen:
            spot = Spot(file=shown[f"{one.folder}/{PLAYBOOK_FILE}"])
            twice.append(Problem(code="PB320", spot=spot, message=f"two folders are called {name}", hint="rename one"))
        seen.add(name)
        wrong[one.folder] = _Wrong(problems=(*twice, *starting), stops=bool(starting))
    return wrong


def _shown(files: Iterable[str], root: str) -> dict[str, str]:
    return {path: f"{root}/{path}" if root else path for path in files}


def _name(folder: str) -> str:
    return folder.rpartition("/")[2]


def _without_workspace(
    error: DocumentError, files: Mapping[str, bytes], shown: Mapping[str, str]
) -> tuple[Problem, ...]:
    return (*(_rooted(problem, shown) for problem in error.problems), *_shape_problems(files, shown))


def _scenarios(
    content: bytes, file: str, compilation: Compilation, workspace: Workspace
) -> tuple["tuple[ScenarioDocument, ...]", tuple[Problem, ...]]:
    """What can be run, and what is wrong; of a broken playbook's only the shape is looked at."""
    from engine.scenarios.check import scenario_problems
    from engine.scenarios.document import read_scenarios

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
    from engine.scenarios.document import load_scenarios

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
