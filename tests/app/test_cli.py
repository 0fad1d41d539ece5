"""What needs no server: checking, testing, usage, and refusals before anything is opened."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import psycopg
import pytest

from app.cli import app
from tests.command_line import make_shop, tenure

_ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    str(command.name or (command.callback and command.callback.__name__)) for command in app.registered_commands
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path)[0]


def spoil(shop: Path, before: str, after: str, file: str = "playbooks/rescue/playbook.yaml") -> Path:
    path = shop / file
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    return path


# --- help ---


@pytest.mark.parametrize("command", [*COMMANDS, "task done"])
def test_every_command_has_help_that_begins_with_what_it_does(command: str):
    found = tenure(*command.split(), "--help")
    assert found.code == 0
    assert found.out.strip().startswith("Usage: tenure")
    assert found.err == ""


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("app.cli", "sqlalchemy temporalio fastapi pydantic structlog rich.table"),
        ("app.commands.check", "sqlalchemy temporalio fastapi structlog holidays jinja2"),
        ("app.commands.check", "engine.turns.walk engine.turns.runtime engine.turns.position concurrent.futures"),
    ],
)
def test_what_must_be_quick_imports_nothing_heavy(module: str, heavy: str):
    code = f"import sys, {module}; print(*[one for one in {heavy.split()} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT)
    assert done.stdout.strip() == ""


def test_ctrl_c_while_it_is_being_imported_says_nothing():
    script = """
import runpy, sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "app.cli": raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
runpy.run_module("app", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_no_model_is_built_before_a_document_is_read():
    """Where one is: give a default by `default_factory`, and make a constant of the module a cached function."""
    code = """
import app.commands.check, pydantic
def below(model): return [one for sub in model.__subclasses__() for one in (sub, *below(sub))]
ours = [one for one in below(pydantic.BaseModel) if one.__module__.startswith(("engine.", "app."))]
print(len(ours) > 50, *[one.__name__ for one in ours if one.__pydantic_complete__])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT)
    assert done.stdout.split() == ["True"]


# --- check ---


def test_a_good_workspace_has_nothing_to_say(shop: Path):
    found = tenure("check", shop)
    assert (found.code, found.out, found.err) == (0, "", "0 errors, 0 warnings\n")


def test_a_problem_shows_place_code_line_caret_and_what_to_do(shop: Path):
    path = spoil(shop, "assign: csm", "assign: cms")
    found = tenure("check", shop)
    assert found.code == 1
    line = next(line for line in path.read_text(encoding="utf-8").splitlines() if "cms" in line)
    assert found.out.splitlines() == [
        f'{path}:8:55: error PB317 steps[0].task.assign: there is no staff role "cms"',
        f"    {line}",
        f"    {' ' * line.index('cms')}^",
        '    did you mean "csm"?',
    ]
    assert found.err == "1 error, 0 warnings\nabout a code: tenure docs PB317\n"


def test_check_as_json_is_one_list_of_problems(shop: Path):
    spoil(shop, "assign: csm", "assign: cms")
    found = tenure("check", shop, "--json")
    assert found.code == 1
    (problem,) = found.json
    assert (problem["code"], problem["line"], problem["column"]) == ("PB317", 8, 55)
    assert problem.keys() == {"code", "severity", "file", "line", "column", "path", "message", "hint", "docs"}
    assert problem["docs"] == "docs/problems.md#pb317"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("playbooks/rescue", 1),
        ("playbooks/rescue/playbook.yaml", 1),
        ("playbooks/greet", 0),
        ("tenure.yaml", 0),
        (".", 1),
    ],
)
def test_check_tells_of_what_was_asked_for_alone(shop: Path, asked: str, code: int):
    spoil(shop, "assign: csm", "assign: cms")
    assert tenure("check", shop / asked).code == code


def test_a_long_line_is_cut_around_the_caret_and_control_characters_do_not_reach_the_terminal(shop: Path):
    spoil(shop, "title: Rescue", f"title: Rescue\ndescription: {'x' * 300}\nowners: \u202ebob")
    out = tenure("check", shop).out
    assert "\u202e" not in out
    assert max(len(line) for line in out.splitlines()[1:]) < 130


def test_bytes_that_are_no_text_are_a_problem_of_their_file(shop: Path):
    (shop / "playbooks/rescue/playbook.yaml").write_bytes(b"\xff\xfe\x00")
    found = tenure("check", shop)
    assert found.code == 1
    assert "PB005" in found.out


def test_links_out_of_the_workspace_and_hidden_files_are_left_alone(shop: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "playbook.yaml").write_text("nonsense", encoding="utf-8")
    (shop / "playbooks/linked").symlink_to(outside)
    (shop / "playbooks/round").symlink_to(shop)
    (shop / ".hidden").mkdir()
    (shop / ".hidden/playbook.yaml").write_text("nonsense", encoding="utf-8")
    assert tenure("check", shop).code == 0


# --- test ---


def write_scenarios(shop: Path, outcome: str) -> None:
    (shop / "playbooks/rescue/scenarios.yaml").write_text(
        f"""\
scenarios:
  - name: a fall
    contacts: {{ champion: true }}
    start: 2026-03-02
    days: {{ 0: {{ health.score: 80 }}, 2: {{ health.score: 20 }} }}
    people: {{ call: {{ after: 1 day, outcome: {outcome} }} }}
    until: 5
    expect: [ {{ day: 2, task: call }}, {{ day: 3, end: end }} ]
""",
        encoding="utf-8",
    )


def test_scenarios_that_hold_are_named(shop: Path):
    write_scenarios(shop, "reached")
    found = tenure("test", shop)
    assert found.code == 0
    assert found.out.splitlines()[0] == "ok     rescue: a fall"
    assert found.err.splitlines()[0] == "no scenarios.yaml: greet"
    assert found.err.splitlines()[1].startswith("1 scenario, 0 failed; 6 days in ")


def test_what_no_scenario_walks_is_named(shop: Path):
    write_scenarios(shop, "reached")
    assert "rescue: 4 of 4 parts walked\n" in tenure("test", shop).out
    spoil(shop, "2: { health.score: 20 }", "2: { health.score: 79 }", "playbooks/rescue/scenarios.yaml")
    found = tenure("test", shop)
    assert "rescue: 0 of 4 parts walked, not these:" in found.out
    assert "trigger" in found.out.partition("not these:")[2]
    assert tenure("test", shop, "--json").json["coverage"][0]["parts"][0]["part"] == "trigger"


def test_scenarios_are_chosen_by_place_and_name(shop: Path):
    write_scenarios(shop, "reached")
    assert tenure("test", shop / "playbooks/rescue/scenarios.yaml", "-k", "A FALL").code == 0
    assert "no scenarios.yaml: greet" in tenure("test", shop / "playbooks/greet").err
    missing = tenure("test", shop, "-k", "a rise")
    assert missing.code == 2
    assert 'no scenario is named like "a rise"' in missing.err


def test_build_servers_get_junit_xml(shop: Path, tmp_path: Path):
    write_scenarios(shop, "reached")
    spoil(shop, "day: 3, end: end", "day: 4, end: goal", "playbooks/rescue/scenarios.yaml")
    assert tenure("test", shop, "--junit", tmp_path / "found.xml").code == 1
    suite = ET.parse(tmp_path / "found.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("rescue", "1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("day 4: end goal happened on day 3")
    assert "expected" in str(failure.text)
    assert tenure("test", shop, "--junit", tmp_path / "no/such/folder.xml").code == 2


def test_a_scenario_that_fails_shows_what_happened_instead(shop: Path):
    write_scenarios(shop, "reached")
    spoil(shop, "day: 3, end: end", "day: 4, end: goal", "playbooks/rescue/scenarios.yaml")
    found = tenure("test", shop)
    assert found.code == 1
    assert "FAILED rescue: a fall" in found.out
    lines = [line.split() for line in found.out.splitlines()]
    assert ["day", "expected", "happened", "why"] in lines
    assert [">", "4", "end", "goal", "day", "3:", "end", "end", "worked", "through"] in lines
    assert tenure("test", shop, "--json").json["scenarios"][0]["failures"]


def test_a_scenario_that_cannot_be_run_is_a_problem_with_its_line(shop: Path):
    write_scenarios(shop, "reachd")
    found = tenure("test", shop)
    assert found.code == 1
    assert "PB331" in found.err
    assert 'did you mean "reached"?' in found.err


# --- usage ---

REFUSED = {
    "no such command": (["fly"], 2),
    "a missing argument": (["check"], 2),
    "a file that is not there": (["check", "nowhere"], 2),
    "a folder that is no workspace": (["check", "/"], 2),
    "a folder that is no workspace to test": (["test", "/"], 2),
    "a folder that is no workspace to deploy": (["deploy", "/"], 2),
    "no number": (["run", "one"], 2),
    "a number beyond all numbers": (["mail", "9" * 40], 2),
    "a negative number": (["task", "done", "--", "-1"], 2),
    "a number with a sign of another script": (["run", "١"], 2),
    "no date": (["advance", "--to", "tomorrow"], 2),
    "a day that does not exist": (["advance", "--to", "2026-02-30"], 2),
    "a year out of reach": (["advance", "--to", "0001-01-01"], 2),
    "a zone of its own": (["advance", "--to", "2026-03-01T10:00+02:00"], 2),
    "a time where a day is needed": (["import", ".", ".", "--as-of", "2026-03-01T10:00"], 2),
    "NUL in a name": (["explain", "A\0B"], 2),
    "half a character": (["explain", "A\udcff"], 2),
    "NUL in a path": (["check", "a\0b"], 2),
    "an unknown state": (["tasks", "--limit", "0"], 2),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_users_mistake_is_refused_in_words(case: str):
    arguments, code = REFUSED[case]
    found = tenure(*arguments)
    assert (found.code, found.out) == (code, "")
    assert found.err.strip()
    assert "Traceback" not in found.err


@pytest.mark.parametrize(
    "command", ["runs", "tasks", "mails", "run 1", "explain A-1", "sweep", "advance --to 2026-03-01"]
)
def test_a_home_that_holds_nothing_is_not_made_by_looking(tmp_path: Path, command: str):
    found = tenure(*command.split(), home=tmp_path / "typo")
    assert found.code == 2
    assert "holds nothing of Tenure yet" in found.err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("home", ["/dev/null/home", "/proc/home", "a file"])
def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path, shop: Path, home: str):
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = tenure("deploy", shop, home=tmp_path / "file" if home == "a file" else Path(home))
    assert found.code == 2
    assert "Choose another place" in found.err


def test_a_database_that_is_away_is_an_outage(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENURE_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/tenure")
    found = tenure("runs")
    assert found.code == 3
    assert "PostgreSQL is not available" in found.err
    assert "secret" not in found.err


@pytest.fixture
def as_another(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`as_another("…")` has commands reach the database as a user with these settings, who owns nothing."""
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute("create role another login")

        def use(setting: str = "", *, may: bool = True) -> None:
            if may:
                conn.execute("grant tenure to another")
            if setting:
                conn.execute(f"alter role another {setting}".encode())
            monkeypatch.setenv("TENURE_DATABASE_URL", database.replace("//tenure@", "//another@"))

        yield use
        conn.execute("drop role another")


@pytest.mark.parametrize("command", ["migrate", "runs"])
def test_what_the_user_of_the_database_may_not_do_is_refused_in_a_line(as_another: Any, command: str):
    as_another(may=False)
    found = tenure(command)
    assert found.code == 2
    assert found.err.startswith("tenure: PostgreSQL refuses (permission denied for ")
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("set default_transaction_read_only = on", "read-only transaction"),
        ("set statement_timeout = '1ms'", "statement timeout"),
        ("set idle_in_transaction_session_timeout = '1ms'", "idle-in-transaction timeout|closed the connection"),
        ("connection limit 0", "too many connections"),
    ],
)
def test_a_database_that_refuses_work_for_a_while_is_an_outage_in_a_line(
    as_another: Any, shop: Path, setting: str, why: str
):
    as_another(setting)
    found = tenure("deploy", shop)
    assert found.code == 3
    assert re.search(why, found.err), found.err
    assert "Traceback" not in found.err
    assert found.err.count("\n") == 1


def test_tables_of_another_version_are_told_from_none(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute("update alembic_version set version_num = '0009_newer'")
        newer = tenure("runs")
        conn.execute("drop table alembic_version")
        none = tenure("runs")
    assert (newer.code, none.code) == (2, 2)
    assert "another version of Tenure (0009_newer; this one works with 0001_" in newer.err
    assert "does not have Tenure's tables yet. Run: tenure migrate" in none.err


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENURE_DATABASE_URL", "mysql://secret")
    found = tenure("runs")
    assert found.code == 2
    assert found.err.startswith("tenure: TENURE_DATABASE_URL is not a PostgreSQL URL")


def test_a_workspace_that_is_broken_imports_nothing(shop: Path, tmp_path: Path):
    spoil(shop, "zone: UTC", "zone: Mars", "tenure.yaml")
    found = tenure("import", shop, tmp_path, home=tmp_path / "home")
    assert found.code == 2
    assert "PB510" in found.err
