"""`tenure new`: a playbook from the library, or a workspace to put it in; what is there is never overwritten."""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.commands.schema import write_schemas
from app.files import WORKSPACE_FILE, read_folder, replace_file, shown_folder, workspace_of
from app.library import Copy, copy, find_template, templates
from app.reports.printing import print_problems
from app.running import FINDINGS, UsageError, say
from app.scenarios.testing import results_of
from app.tables import show_table
from engine.authoring.schema import SCHEMAS, modeline
from engine.project import read_project

_NAME = re.compile(r"[a-z][a-z0-9-]{0,59}", re.ASCII)


def list_templates() -> None:
    """What there is to begin with."""
    show_table(("TEMPLATE", "TITLE"), [(one.name, one.title) for one in templates()], give_way=("TITLE",))
    say("begin with one: tenure new NAME --from TEMPLATE [--in WORKSPACE]")


def new_workspace(folder: Path) -> None:
    """A tenure.yaml, a scorecard and the schemas for editors; checks without problems, and waits to be filled in."""
    if (folder / WORKSPACE_FILE).exists():
        raise UsageError(f"{folder} has a {WORKSPACE_FILE} already; it is left as it is")
    name = re.sub(r"[^\w -]+", " ", folder.resolve().name).strip() or "Workspace"
    files = {
        WORKSPACE_FILE: modeline("tenure", 0) + _WORKSPACE.format(name=f'"{name}"'),
        "scorecards/health.yaml": modeline("scorecard", 1) + _SCORECARD,
    }
    _write(folder, {path: text.encode() for path, text in files.items()})
    _schemas(folder)


def new_playbook(name: str, template: str, where: Path | None) -> int:
    """0 when the copy checks and its scenarios hold; 1 when the workspace's own words get in its way."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a playbook: small letters, digits and hyphens, such as spring-renewals"
        )
    found = find_template(template)
    if isinstance(found, str):
        raise UsageError(found)
    root = workspace_of(where or Path())
    home = root / "playbooks" / name
    if home.exists():
        raise UsageError(f"{home} is there already; it is left as it is")
    files = read_folder(root)
    shown = shown_folder(root)
    before = read_project(files, shown)
    if before.workspace is None:
        print_problems(before.problems, files, shown)
        raise UsageError("the workspace itself is broken; mend that first")
    if name in before.playbooks:
        raise UsageError(f"there is a playbook {name} in the workspace already; choose another name")
    made = copy(found, name, files)
    _put(root, home, made)
    _schemas(root)
    for one in made.declared:
        say(f"declared {one} in {root / WORKSPACE_FILE}")
    files = read_folder(root)
    project = read_project(files, shown)
    problems = [one for one in project.problems if one not in before.problems]
    print_problems(problems, files, shown)
    broken = any(one.severity == "error" for one in problems)
    failed = [one for one in results_of(project, name) if one.result.failures] if not broken else []
    for tested in failed:
        say(f"scenario failed: {tested.result.name}")
    say(f"next: tenure test {home}")
    return FINDINGS if failed or broken else 0


def _put(root: Path, home: Path, made: Copy) -> None:
    """The declarations first, which hurt nobody; then the whole folder at one stroke."""
    inside = f"playbooks/{home.name}/"
    try:
        if made.declared:
            replace_file(root / WORKSPACE_FILE, made.workspace)
        _write(root, {path: content for path, content in made.files.items() if not path.startswith(inside)})
        home.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=home.parent) as beside:
            whole = Path(beside) / home.name
            mine = {path.removeprefix(inside): text for path, text in made.files.items() if path.startswith(inside)}
            _write(whole, mine, quietly=True)
            shutil.move(whole, home)
    except OSError as error:
        raise UsageError(f"{root} cannot be written ({error.strerror})") from error
    say(f"made {home}")


def _write(folder: Path, files: Mapping[str, bytes], *, quietly: bool = False) -> None:
    """Files that are not there yet."""
    try:
        for path, content in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as new:
                new.write(content)
            if not quietly:
                say(f"made {file}")
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is there already; it is left as it is") from error
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror})") from error


def _schemas(root: Path) -> None:
    """Those that are not there yet; `tenure schema --out` renews them."""
    missing = [name for name in SCHEMAS if not (root / "schema" / f"{name}.json").exists()]
    for file in write_schemas(root / "schema", missing):
        say(f"made {file}")


_WORKSPACE = """\
name: {name}
zone: Europe/Berlin                            # our time zone, and our holidays: change both
calendar: {{ country: DE }}
sender: {{ name: Customer Success, address: success@company.example }}
postal_address: Street, Town, Country
roles:
  contacts:                                    # the first who is there
    champion: [champion, admin, any]
    admin: [admin, champion, any]
  staff: {{ csm: account.csm, csm.manager: manager of csm }}
people:
  - {{ key: ada, name: Ada Lindqvist, email: ada@company.example }}
metrics:
  nps: number                                  # told from outside; tenure docs metrics
connectors:
  email: {{ provider: stored }}                  # keeps every mail to be looked at, and sends none
mail:                                          # for every mail to customers; what is too much waits
  caps:
    - {{ per: contact, at_most: 2, within: 7 days }}
  window: {{ opens: "08:00", closes: "18:00", business_days_only: true }}
"""
_SCORECARD = """\
scorecard: health
components:
  - { id: nps, metric: nps, bands: { 0..6: 10, 7..8: 60, 9..10: 100 }, weight: 1, stale_after: 120 days }
bands: { red: 0..<60, yellow: 60..<75, green: 75..100 }
minimum_known: 50%
"""
