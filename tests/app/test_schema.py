"""The schemas as editors use them: through a real yaml-language-server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from engine.authoring.schema import SCHEMAS, schema_of
from engine.documents.document import load_document
from tests.app.language_server import LanguageServer
from tests.command_line import tenure

_ROOT = Path(__file__).resolve().parents[2]


def shipped() -> Iterator[tuple[str, Path]]:
    """Every YAML file of the shipped workspaces, and the schema it goes by."""
    for root in (_ROOT / "playbooks", _ROOT / "examples"):
        for path in sorted(root.rglob("*.yaml")):
            name = "scorecard" if path.parent.name == "scorecards" else path.stem
            if name in SCHEMAS:
                yield name, path


SHIPPED = list(shipped())


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_of_draft_7(name: str):
    jsonschema.Draft7Validator.check_schema(schema_of(name))


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda value: str(value).removeprefix(str(_ROOT)))
def test_what_is_shipped_fits_its_schema(name: str, path: Path):
    data = load_document(path.read_bytes(), str(path)).data
    assert [error.message for error in jsonschema.Draft7Validator(schema_of(name)).iter_errors(data)] == []


def test_what_a_step_is_stands_in_the_schema_once():
    named = [name for name, part in schema_of("playbook")["definitions"].items() if "allOf" in part]
    assert named == ["AnyStepDocument", "AnyTriggerDocument"]
    steps = schema_of("playbook")["properties"]["steps"]
    assert steps["items"] == {"$ref": "#/definitions/AnyStepDocument"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_pattern_counts_the_letters_of_all_scripts(name: str):
    """`\\w{0,199}` takes a tenth of a second to build, in every command that reads a file of this kind."""
    counted = re.compile(r'\\\\[wWdDsS][^"\]{]*\]?\{\d*,?\d{2,}\}')
    assert counted.findall(json.dumps(schema_of(name), ensure_ascii=False)) == []


def test_schemas_are_written_for_editors(tmp_path: Path):
    done = tenure("schema", "--out", tmp_path / "schema")
    assert done.code == 0
    assert {path.stem for path in (tmp_path / "schema").iterdir()} == set(SCHEMAS)
    assert json.loads((tmp_path / "schema/playbook.json").read_text(encoding="utf-8")) == schema_of("playbook")


def test_one_schema_is_printed_and_an_unknown_one_refused():
    assert tenure("schema", "scorecard").json == schema_of("scorecard")
    assert tenure("schema").code == 2
    refused = tenure("schema", "scoreboard")
    assert (refused.code, refused.out) == (2, "")
    assert "scorecard" in refused.err


# --- in an editor ---

HEAD = "playbook: x\ntitle: X\ntriggers:\n  - manual: true\nsteps:\n"
BAD = {
    "an unknown key": (HEAD + "  - id: call\n    task: { title: A, asign: csm }\n", 7, 22, "asign is not allowed"),
    "a missing key": (HEAD + "  - id: call\n    task: { title: A }\n", 7, 4, 'Missing property "assign"'),
    "no kind of step": (HEAD + "  - wait_fr: 3 days\n", 6, 4, "one of these keys must be here: "),
    "a duration": (HEAD + "  - wait: 3 dys\n", 6, 10, "a wait is a duration, such as 3 days"),
    "a word": (HEAD + "  - parallel: [[{ wait: 1 day }], [{ wait: 2 days }]]\n    join: some\n", 7, 10, '"all", "any"'),
    "a kind of value": (HEAD + "  - end: { reason: [over] }\n", 6, 19, 'Expected "string"'),
    "a step in a branch": (HEAD + "  - if: a > 3\n    then:\n      - end: {}\n", 8, 8, 'Missing property "reason"'),
    "a trigger's line": ("triggers:\n  - score: health\n    falls_below: low\n", 3, 17, 'Expected "number"'),
}
HALF_WRITTEN = {
    "kinds of steps": (HEAD + "  - |\n", ["email", "task", "wait_for", "parallel"]),
    "kinds of steps after the id": (HEAD + "  - id: call\n    |\n", ["email", "task", "set"]),
    "kinds of steps in a branch": (HEAD + "  - if: a > 3\n    then:\n      - |\n", ["email", "task", "wait_for"]),
    "kinds of triggers": ("triggers:\n  - |\n", ["score", "metric", "date", "becomes", "manual"]),
    "keys of a task": (HEAD + "  - id: call\n    task:\n      title: A\n      |\n", ["assign", "due", "outcomes"]),
    "keys of a trigger": ("triggers:\n  - score: health\n    |\n", ["falls_below", "rearm_at", "for", "enters"]),
    "words of a join": (HEAD + "  - parallel: []\n    join: |\n", ["all", "any"]),
    "words of an entry rule": ("entry:\n  on_conflict: |\n", ["wait", "skip", "replace"]),
    "keys of a playbook": ("playbook: x\n|\n", ["title", "audience", "goal", "steps"]),
}


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor")
    assert tenure("schema", "--out", folder / "schema").code == 0
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    with LanguageServer() as server:
        yield server


def modeline(schemas: Path, name: str = "playbook") -> str:
    return f"# yaml-language-server: $schema={(schemas / 'schema' / name).as_uri()}.json\n"


@pytest.mark.parametrize("case", BAD)
def test_an_editor_underlines(case: str, server: LanguageServer, schemas: Path):
    text, line, column, message = BAD[case]
    found = server.problems(schemas / f"{case}.yaml", modeline(schemas) + text)
    assert [one for one in found if one[:2] == (line, column) and message in one[2]], found


@pytest.mark.parametrize("case", HALF_WRITTEN)
def test_an_editor_completes(case: str, server: LanguageServer, schemas: Path):
    text, words = HALF_WRITTEN[case]
    before, _, after = (modeline(schemas) + text).partition("|")
    file = schemas / f"{case}.yaml"
    server.problems(file, before + after)
    offered = server.completions(file, before.count("\n"), len(before) - before.rfind("\n") - 1)
    assert [word for word in words if word not in offered] == [], offered


def test_an_editor_explains_what_a_key_means(server: LanguageServer, schemas: Path):
    file = schemas / "hover.yaml"
    server.problems(file, modeline(schemas) + HEAD + "  - id: call\n    task: { title: A, assign: csm, due: 2 days }\n")
    assert "unique in the playbook" in server.hover(file, 6, 5)
    assert "a staff role" in server.hover(file, 7, 24)
    assert "what starts it" in server.hover(file, 3, 3)


def test_an_editor_finds_nothing_wrong_in_what_is_shipped(server: LanguageServer, schemas: Path):
    found = {}
    for name, path in SHIPPED:
        file = schemas / f"{path.parent.name}-{path.name}"
        found[str(path)] = server.problems(file, modeline(schemas, name) + path.read_text(encoding="utf-8"))
    assert {path: problems for path, problems in found.items() if problems} == {}
