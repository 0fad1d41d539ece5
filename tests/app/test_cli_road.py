"""The road of a new user on real servers: import, deploy, advance, look, act. One home, walked once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli import app
from app.embedded import Servers
from store.driving import driving
from store.postgres.database import engine_for
from tests.command_line import Done, make_shop, tenure
from tests.homes import new_home

_ROOT = Path(__file__).resolve().parents[2]
_RAVENSTACK = _ROOT.parent / "shared/data/ravenstack"


class Road:
    """What each command said, in the order a user would type them."""

    def __init__(self, root: Path, home: Path) -> None:
        self.folder, self.data = make_shop(root)
        self.home = home
        self.said: dict[str, Done] = {}

    def walk(self, *arguments: object, name: str = "") -> Done:
        done = tenure(*arguments, home=self.home)
        self.said[name or " ".join(map(str, arguments))] = done
        return done

    def looks(self, *arguments: object) -> Done:
        """A command that changes nothing."""
        return tenure(*arguments, home=self.home)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with new_home() as home:
        road = Road(tmp_path_factory.mktemp("road"), home)
        walk = road.walk
        walk("import", road.folder, road.data, "--as-of", "2026-03-02", name="import")
        walk("import", road.folder, road.data, "--as-of", "2026-03-02", name="import again")
        walk("runs", name="nothing deployed")
        walk("sweep", name="sweep undeployed")
        walk("deploy", road.folder, name="deploy")
        walk("deploy", road.folder, name="deploy again")
        walk("advance", "--to", "2026-03-06", name="advance")
        walk("task", "done", 1, "--outcome", "reached", "--note", "all is well", name="task done")
        walk("task", "done", 1, "--outcome", "reached", name="task done again")
        walk("task", "done", 1, "--outcome", "lost", name="task done otherwise")
        walk("start", "greet", "B-1", "--by", "ada", name="start")
        walk("start", "greet", "B-1", name="start again")
        yield road


def test_an_import_counts_what_it_took_and_what_is_still_to_come(road: Road):
    done = road.said["import"]
    assert done.code == 0
    assert done.out.splitlines() == [
        "IMPORT    ROWS  NEW FACTS  STILL TO COME  KNOWN BEFORE",
        "accounts  3     6          0              0",
        "scores    3     2          1              0",
        "all       6     8          1              0",
        "clock at 2026-03-02 UTC; 0 rows or files left out",
    ]


def test_a_repeated_import_changes_nothing_and_says_so(road: Road):
    done = road.said["import again"]
    assert done.code == 0
    assert done.out.splitlines()[-1] == "nothing changed: all of it was known before"


def test_before_anything_is_deployed_the_lists_are_empty_and_deciding_is_refused(road: Road):
    assert (road.said["nothing deployed"].code, road.said["nothing deployed"].out) == (0, "")
    assert (road.said["sweep undeployed"].code, road.said["sweep undeployed"].out) == (2, "")
    assert "tenure deploy" in road.said["sweep undeployed"].err


def test_deploy_says_of_each_playbook_what_became_of_it(road: Road):
    assert road.said["deploy"].out.split() == ["PLAYBOOK", "greet", "new", "rescue", "new", "workspace", "published"]
    assert "tenure advance" in road.said["deploy"].err
    again = road.said["deploy again"]
    assert (again.code, again.out.split()) == (
        0,
        ["PLAYBOOK", "greet", "unchanged", "rescue", "unchanged", "workspace", "unchanged"],
    )


def test_advance_tells_each_day_on_standard_error_and_the_sum_on_standard_output(road: Road):
    done = road.said["advance"]
    assert done.code == 0
    assert done.out.splitlines()[0] == "clock     2026-03-02 → 2026-03-06 UTC: 1 run started, 1 task given"
    assert done.err.splitlines() == [
        "2026-03-02  -",
        "2026-03-03  1 run started, 1 task given",
        "2026-03-04  -",
        "2026-03-05  -",
    ]


def test_completing_a_task_lets_its_run_go_on_at_once(road: Road):
    assert road.said["task done"].out == "task 1 is done: reached by ada; its run went on\n"
    (run,) = (one for one in road.looks("runs", "--json").json["items"] if one["playbook"] == "rescue")
    assert (run["state"], run["reason"]) == ("ended", "worked through")
    assert [mail["state"] for mail in road.looks("mails", "--json").json["items"]] == ["sent"]


_LISTS = {
    *("runs", "tasks", "mails", "errands", "surveys", "user list", "suppress list", "quarantine list", "breaker list"),
    *("health days", "sweep --dry-run", "docs", "docs steps"),
}


def _takes_json(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Every command with `--json`, and whether it can be asked without saying of what."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from _takes_json(below, (*path, name))
    elif any("--json" in parameter.opts for parameter in command.params):
        yield " ".join(path), not any(parameter.required for parameter in command.params)


def test_every_list_is_a_page_as_the_api_gives_them_and_nothing_else_is(road: Road):
    asked = {name for name, alone in _takes_json(typer.main.get_command(app)) if alone}
    # Those that do something, and those that report on files.
    doing = {"check", "test", "pull", "sweep", "forget", "health validate", "quarantine release", "quarantine drop"}
    doing |= {"breaker release", "breaker drop", "user link", "restored"}
    assert asked - doing == {one for one in _LISTS if one in asked}
    for one in sorted(_LISTS):
        done = (tenure if one.startswith("docs") else road.looks)(*one.split(), "--json")
        assert isinstance(done.json["items"], list), one
        # What waits for a person is a finding.
        findings = one in ("quarantine list", "breaker list") and done.json["items"]
        assert done.code == (1 if findings else 0), (one, done.err)
        assert done.json["next"] is None, one
    first = road.looks("runs", "--limit", 1, "--json").json
    assert (len(first["items"]), first["next"]) == (1, str(first["items"][0]["id"]))


def test_completing_it_again_the_same_way_is_fine_and_another_way_is_not(road: Road):
    assert road.said["task done again"].code == 0
    assert "Nothing changed" in road.said["task done again"].out
    assert road.said["task done otherwise"].code == 1
    assert 'was completed as "reached" by ada' in road.said["task done otherwise"].err


def test_a_start_by_hand_runs_at_once_and_only_once(road: Road):
    assert road.said["start"].out == "run 2 of greet started for B-1; its run went on\n"
    assert road.said["start again"].code == 1
    assert "already running" in road.said["start again"].out


def test_lists_are_tables_with_a_head(road: Road):
    head, *rows = road.looks("runs").out.splitlines()
    assert head.split() == ["RUN", "PLAYBOOK", "ACCOUNT", "NAME", "STATE", "WHERE", "STARTED"]
    assert rows[0].startswith("2    greet     B-1      Brick  open")
    assert "wait for task greeting" in rows[0]
    assert "2026-03-04" in rows[1]
    assert road.looks("tasks", "--state", "settled").out.splitlines()[1].split()[-1] == "reached"
    assert road.looks("mails").out.splitlines()[1].endswith("How is Acme?")


def test_a_run_tells_its_story(road: Road):
    out = road.looks("run", 1).out
    assert "run 1 of rescue, version 1, for Acme (A-1)" in out
    assert "because   health fell below 40 (health.score = 20.0)" in out
    assert "Gave a task (task 1, for ada)" in out
    assert "ada answered: reached" in out
    assert "Mail sent" in out


def test_a_mail_is_shown_as_its_recipient_reads_it(road: Road):
    out = road.looks("mail", 1).out
    assert "To:       Sam Okoye <champion@a-1.example>" in out
    assert "Subject:  How is Acme?" in out
    assert "How are you?" in out


def test_explain_answers_why(road: Road):
    out = road.looks("explain", "A-1").out
    assert out.startswith("Acme (A-1) at 2026-03-06 UTC\n\nhealth: 20, red since 2026-03-04")
    assert "20 points more would make it yellow: mood at 4" in out
    assert "rescue: ENDED, run 1 ended on 2026-03-06" in out
    assert "because   2026-03-04  health fell below 40\n" in out
    assert "fired, or was true when first seen; may fire again once health.score >= 40" in out


def test_explain_answers_why_not(road: Road):
    well = road.looks("explain", "B-1", "--playbook", "rescue").out
    assert "rescue: NO, no trigger has fired" in well
    assert "trigger   no   health fell below 40: may fire" in well
    assert "health.score = 80" in well
    unknown = road.looks("explain", "C-1", "--playbook", "rescue").out
    assert "no score yet" in unknown
    assert "rescue: NO, what its triggers read is unknown" in unknown
    assert "health.score = unknown" in unknown


def test_explain_names_the_nearest_change_and_what_would_bring_it_about(road: Road):
    well = road.looks("explain", "B-1", "--playbook", "rescue").out
    assert "it takes health.score below 40; health.score gets there by mood at 3.99" in well


def test_explain_tells_the_past_as_it_was_known_then(road: Road):
    before = road.looks("explain", "A-1", "--at", "2026-03-03", "--playbook", "rescue").out
    assert before.startswith("Acme (A-1) at 2026-03-03 UTC\nas it was known then")
    assert "health: 90, green" in before
    assert "rescue: NO, no trigger has fired" in before
    during = road.looks("explain", "A-1", "--at", "2026-03-04T12:00", "--playbook", "rescue").out
    assert "health: 20, red since 2026-03-04" in during
    assert "rescue: RUNNING, run 1 is open since 2026-03-04" in during
    assert "ENDED" not in during


def test_a_simulation_without_a_start_names_what_does_not_happen(road: Road):
    out = road.looks("simulate", "rescue", "--account", "B-1", "--days", "6").out
    assert "it does not start: in this time there is no “health fell below 40”" in out


def test_a_real_account_can_be_played_on_without_touching_it(road: Road):
    runs = road.looks("runs", "--json").json
    out = road.looks("simulate", "rescue", "--account", "B-1", "--assume", "health.score=20@2", "--days", "6").out
    assert out.startswith("rescue on Brick: 6 days from 2026-03-06")
    assert "day   2  Sun 08 Mar 2026  start        health fell below 40" in out
    assert "call: Call Brick  (for csm)" in out
    draft = road.looks("simulate", road.folder / "playbooks/rescue", "--account", "B-1", "--by-hand", "--json").json
    assert [line["what"] for line in draft["timeline"]][:2] == ["start", "task"]
    assert road.looks("render", "rescue/hello", "--account", "B-1").out.startswith("Subject: How is Brick?")
    assert road.looks("runs", "--json").json == runs


LOOKS = [
    "explain A-1 --at 2026-03-03",
    "simulate rescue --account B-1",
    "runs",
    "runs --state open --playbook greet --account B-1",
    "runs --state stuck",
    "run 1",
    "tasks",
    "tasks --state settled --assignee ada",
    "mails",
    "mails --state sent",
    "mail 1",
    "explain A-1",
    "explain C-1 --playbook rescue",
    "sweep --dry-run",
    "sweep",
    "advance --to 2026-03-06",
]


@pytest.mark.parametrize("command", LOOKS)
def test_json_is_one_document_on_standard_output_and_logs_are_not(road: Road, command: str):
    done = road.looks(*command.split(), "--json")
    assert done.code == 0
    json.loads(done.out)
    assert '"level"' not in done.err


REFUSED = {
    "run 99": "there is no run 99",
    "mail 99": "there is no mail 99",
    "explain nobody": 'there is no account "nobody"',
    "explain A-1 --playbook none": "playbook none is not deployed",
    "explain A-1 --at 2026-01-01": "nobody knew of an account",
    "explain A-1 --at 2030-01-01": "is not over yet",
    "simulate rescue --account nobody": 'there is no account "nobody"',
    "simulate none --account A-1": "none is not deployed",
    "runs --state flying": '"flying" is not one of open, ended, stuck',
    "advance --to 2026-03-01": "never goes back",
    "start none A-1": 'there is no playbook "none"',
    "start rescue A-1": "cannot be started by hand",
    "start greet nobody": 'there is no account "nobody"',
    "retry 99": "there is no run 99",
    "retry 1": "run 1 has ended",
    "retry 2": "is not in the error queue",
    "retry 2 --skip --end": "choose one",
    "playbook none pause": "playbook none is not deployed",
    "playbook greet fly": '"fly" is not one of pause, resume, off, rollback',
    "playbook greet pause --to 1": "--to belongs to rollback",
    "playbook greet rollback": "has no version before 1",
    "playbook greet rollback --to 7": "has no version 7",
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_users_mistake_is_one_line_and_exit_code_2(road: Road, command: str):
    done = road.looks(*command.split())
    assert (done.code, done.out) == (2, "")
    assert REFUSED[command] in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_task_is_a_finding(road: Road):
    assert road.looks("task", "done", 99).code == 1


def test_the_clock_does_not_go_back_for_an_import(road: Road):
    done = road.looks("import", road.folder, road.data, "--as-of", "2026-01-01")
    assert done.code == 2
    assert "never goes back" in done.err


def test_a_second_driver_is_refused(road: Road):
    with Servers(road.home, durable=False) as servers:
        database = engine_for(servers.database_url())
        with driving(database):
            done = road.looks("advance", "--to", "2026-03-06")
        database.dispose()
    assert done.code == 2
    assert "another process drives this clock" in done.err


def test_pausing_and_resuming_a_playbook_say_what_they_did(road: Road):
    assert "rescue is paused; 0 open runs were told" in road.looks("playbook", "rescue", "pause").err
    assert "rescue, paused:" in road.looks("explain", "B-1", "--playbook", "rescue").out
    assert "nothing changed: rescue is paused" in road.looks("playbook", "rescue", "pause").err
    assert "rescue is active" in road.looks("playbook", "rescue", "resume").err
    assert "nothing changed: rescue is active" in road.looks("playbook", "rescue", "resume").err


def test_a_deploy_may_be_tried_and_taken_back(road: Road, tmp_path: Path):
    folder, _ = make_shop(tmp_path)
    greet = folder / "playbooks/greet/playbook.yaml"
    greet.write_text(greet.read_text(encoding="utf-8") + "priority: 77\n", encoding="utf-8")
    tried = road.looks("deploy", folder, "--dry-run")
    assert "priority: 50 → 77" in tried.out
    assert "this was a dry run" in tried.err
    assert "priority: 50 → 77" in road.looks("deploy", folder).out
    taken_back = road.looks("playbook", "greet", "rollback")
    assert "new runs of greet start on version 1" in taken_back.err
    assert "priority: 77 → 50" in taken_back.out


# --- what is broken ---


def test_broken_rows_are_told_with_file_row_and_reason_and_the_others_are_taken(road: Road, tmp_path: Path):
    folder, data = make_shop(tmp_path)
    (data / "accounts.csv").write_text(
        "key,name,since,seats\nD-1,Delta,soon,1\nE-1,Echo,2026-01-10,many\nF-1,Fox,2026-01-10\nG-1,Golf,2026-01-11,3\n",
        encoding="utf-8",
    )
    (data / "scores.csv").write_text(
        "key,day,nps\nZ-9,2026-03-01,5\nZ-9,2026-09-01,5\nG-1,2026-03-01,9\n", encoding="utf-8"
    )
    done = road.looks("import", folder, data)
    assert done.code == 1
    told = [line for line in done.err.splitlines() if line.startswith("error")]
    assert [line.split(": ")[0] for line in told] == [
        "error PB521 accounts.csv:2",
        "error PB521 accounts.csv:3",
        "error PB521 accounts.csv:4",
        "error PB523 scores.csv:2",
        "error PB523 scores.csv:3",
    ]
    assert [line.split(": ")[1] for line in told[:2]] == ["since", "seats"]  # the column
    assert done.out.splitlines()[1].split() == ["accounts", "4", "2", "0", "0"]
    assert "5 rows or files left out" in done.out
    again = road.looks("import", folder, data, "--json")
    assert (again.code, len(again.json["problems"])) == (1, 5)


def test_a_missing_file_is_told_and_the_others_are_imported(road: Road, tmp_path: Path):
    folder, data = make_shop(tmp_path)
    (data / "scores.csv").unlink()
    done = road.looks("import", folder, data)
    assert done.code == 1
    assert "PB520 scores.csv:1: the import scores is left out" in done.err


def test_deploy_leaves_a_broken_playbook_as_it_was_and_publishes_the_others(road: Road, tmp_path: Path):
    folder, _ = make_shop(tmp_path)
    broken = folder / "playbooks/rescue/playbook.yaml"
    broken.write_text(broken.read_text(encoding="utf-8").replace("assign: csm", "assign: cms"), encoding="utf-8")
    done = road.looks("deploy", folder)
    assert done.code == 1
    assert "error PB317" in done.err
    assert "rescue    broken     left as it was" in done.out
    assert "greet     unchanged" in done.out
    assert road.looks("deploy", folder, "--json").json["broken"] == ["rescue"]


def test_a_refused_deploy_says_who_still_needs_what_would_go(road: Road, tmp_path: Path):
    folder, _ = make_shop(tmp_path)
    for path in ("playbooks/rescue/playbook.yaml", "playbooks/rescue/emails/hello.md", "scorecards/health.yaml"):
        (folder / path).unlink()
    done = road.looks("deploy", folder)
    assert (done.code, done.out) == (1, "")
    assert "nothing was deployed, because" in done.err
    assert "health" in done.err


@pytest.mark.skipif(not _RAVENSTACK.is_dir(), reason="the RavenStack files are not here; see examples/ravenstack")
def test_the_ravenstack_road(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(_ROOT)
    with new_home() as home:
        done = tenure("import", "examples/ravenstack", _RAVENSTACK, "--as-of", "2024-05-31", home=home)
        assert done.code == 0
        assert done.out.splitlines()[-2].split() == ["all", "33,100", "16,307", "20,245", "21"]
        assert tenure("deploy", "examples/ravenstack", home=home).code == 0
        done = tenure("advance", "--to", "2024-06-04", "--json", home=home)
        assert done.code == 0
        assert done.json["runs_started"] > 3
        assert done.json["steps_failed"] == 0
        run = tenure("runs", "--json", home=home).json["items"][0]
        out = tenure("explain", run["account"], home=home).out
        assert f"{run['playbook']}: RUNNING" in out
