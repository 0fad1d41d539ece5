"""The forms of `tenure check`, its exit codes, and files that no author would write."""

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.reports.human import excerpt
from app.tables import cells
from tests.command_line import make_shop, tenure

WARNED = "  - if: metric.nps > 5\n    then: [ { wait: 1 day } ]\n  - end: {"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_shop(tmp_path)[0]
    monkeypatch.chdir(folder)
    return folder


def spoil(shop: Path, before: str, after: str, file: str = "playbooks/rescue/playbook.yaml") -> None:
    path = shop / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


# --- all at once ---


def test_problems_of_all_files_come_in_one_pass_by_place(shop: Path):
    spoil(shop, "assign: csm", "assign: cms")
    spoil(shop, "falls_below: 40", "falls_below: 400")
    spoil(shop, "account.name", "account.nmae", "playbooks/rescue/emails/hello.md")
    spoil(shop, "assign: csm", "assign: csn", "playbooks/greet/playbook.yaml")
    found = tenure("check", "--json").json
    places = [(one["file"], one["line"], one["code"]) for one in found]
    assert places == [
        ("playbooks/greet/playbook.yaml", 7, "PB317"),
        ("playbooks/rescue/emails/hello.md", 2, "PB405"),
        ("playbooks/rescue/playbook.yaml", 5, "PB304"),
        ("playbooks/rescue/playbook.yaml", 8, "PB317"),
    ]


@pytest.mark.parametrize("size", [256_001, 3_000_000])
def test_a_file_that_is_too_large_is_told_with_its_size_and_what_to_do(shop: Path, size: int):
    (shop / "playbooks/rescue/playbook.yaml").write_bytes(b"#" * size)
    [found] = tenure("check", "--json").json
    assert (found["code"], found["file"]) == ("PB004", "playbooks/rescue/playbook.yaml")
    assert found["message"] == f"the file has {size:,} bytes; the most is 256,000"
    assert found["hint"].startswith("split it: ")


def test_a_broken_workspace_does_not_hide_what_is_wrong_with_the_shape_of_playbooks(shop: Path):
    spoil(shop, "zone: UTC", "zone: Mars", "tenure.yaml")
    spoil(shop, "title: Rescue", "titel: Rescue")
    found = tenure("check", "--json").json
    assert [(one["code"], one["file"]) for one in found] == [
        ("PB101", "playbooks/rescue/playbook.yaml"),
        ("PB510", "tenure.yaml"),
    ]


def test_a_playbook_is_not_called_fine_where_the_workspace_keeps_it_from_being_checked(shop: Path):
    spoil(shop, "zone: UTC", "zone: Mars", "tenure.yaml")
    spoil(shop, "assign: csm", "assign: csn")
    for path in ("playbooks/rescue", "playbooks/rescue/playbook.yaml", "."):
        done = tenure("check", path, "--json")
        assert done.code == 1, path
        assert [(one["code"], one["file"]) for one in done.json] == [("PB510", "tenure.yaml")]


# --- exit codes ---


def test_warnings_fail_only_when_asked_to(shop: Path):
    spoil(shop, "  - end: {", WARNED)
    assert (tenure("check").code, tenure("check").err.splitlines()[0]) == (0, "0 errors, 1 warning")
    assert tenure("check", "--strict").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere",),
        ("x" * 5000,),
        ("/",),
        ("--format", "xml"),
        ("--json", "--format", "sarif"),
        ("playbooks", "nowhere"),
    ],
)
def test_what_cannot_be_checked_is_refused(shop: Path, arguments: tuple[str, ...]):
    refused = tenure("check", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("tenure: ")


# --- the line ---


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ("a: b", 3, "b"),
        ("\ta: b", 4, "b"),
        ("\t\t日本: b", 6, "b"),
        ("é" * 10 + "b", 10, "b"),
        ("e\u0301" * 10 + "b", 20, "b"),
        ("x" * 300 + "b" + "x" * 300, 300, "b"),
        ("日" * 300 + "b" + "日" * 300, 300, "b"),
        ("x" * 300 + "b", 300, "b"),
        ("b" + "x" * 300, 0, "b"),
        ("a: b", 40, ""),
        ("", 0, ""),
    ],
)
def test_the_caret_stands_under_the_very_character(line: str, column: int, shown: str):
    text, before = excerpt(line, column)
    assert cells(text) <= 112
    at = next((i for i in range(len(text) + 1) if cells(text[:i]) == before), None)
    assert at is not None
    while shown and at < len(text) and cells(text[at]) == 0:
        at += 1
    assert text[at : at + 1] == shown


# --- machines ---

# What SARIF 2.1.0 requires of the parts that are written, after its specification.
SARIF: Any = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": {"required": ["text"]},
                                                "help": {"required": ["text"]},
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"type": "object", "required": ["text"]},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {"uri": {"pattern": "^[^ \\\\]+$"}}
                                                    },
                                                    "region": {
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1},
                                                            "startColumn": {"type": "integer", "minimum": 1},
                                                        }
                                                    },
                                                },
                                            }
                                        }
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_sarif_has_the_shape_and_names_rule_place_and_level(shop: Path):
    spoil(shop, "assign: csm", "assign: cms")
    spoil(shop, "  - end: {", WARNED)
    (shop / "playbooks/rescue").rename(shop / "playbooks/re scue")
    done = tenure("check", "--format", "sarif")
    assert done.code == 1
    jsonschema.validate(done.json, SARIF)
    (run,) = done.json["runs"]
    rules = run["tool"]["driver"]["rules"]
    found = {one["ruleId"]: one for one in run["results"]}
    assert set(found) == {"PB317", "PB320", "PB360"}
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one["ruleId"] for one in run["results"]]
    assert (found["PB317"]["level"], found["PB360"]["level"]) == ("error", "warning")
    place = found["PB317"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "playbooks/re%20scue/playbook.yaml"
    assert place["region"] == {"startLine": 8, "startColumn": 55}
    assert all("```yaml" in rule["help"]["markdown"] for rule in rules)


def test_sarif_of_nothing_is_a_log_as_well(shop: Path):
    done = tenure("check", "--format", "sarif")
    assert done.code == 0
    jsonschema.validate(done.json, SARIF)
    assert done.json["runs"][0]["results"] == []


def test_github_annotations_are_escaped(shop: Path):
    spoil(shop, "title: Rescue", 'title: Rescue\n"100%:, \\r\\n::error::": 1')
    (shop / "playbooks/rescue").rename(shop / "playbooks/a,b:c%")
    done = tenure("check", "--format", "github")
    assert done.code == 1
    lines = done.out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("::error file=playbooks/a%2Cb%3Ac%25/playbook.yaml,line=3,col=1,title=PB101::")
    assert "100%25:, %0D%0A::error::" in lines[1].partition("::error ")[2]


def test_github_gives_a_line_to_each_with_what_to_do(shop: Path):
    spoil(shop, "assign: csm", "assign: cms")
    (line,) = tenure("check", "--format", "github").out.splitlines()
    assert re.fullmatch(
        r"::error file=playbooks/rescue/playbook\.yaml,line=8,col=55,title=PB317::"
        r'steps\[0\]\.task\.assign: there is no staff role "cms"%0Adid you mean "csm"\?',
        line,
    )


# --- files that no author would write ---


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "PB103"),
        (b"\x00" * 1000, "PB005"),
        (bytes(range(256)), "PB005"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00\xff" * 500, "PB005"),
        (b"x" * 10_000_000, "PB004"),
        (b"- " * 100_000, "PB004"),
        ("# \u2028\nplaybook: 日本\n".encode(), "PB105"),
        (b"\xef\xbb\xbfplaybook: [", "PB001"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else value,
)
@pytest.mark.parametrize(
    "file",
    ["tenure.yaml", "scorecards/health.yaml", "playbooks/rescue/playbook.yaml", "playbooks/rescue/scenarios.yaml"],
)
@pytest.mark.parametrize("form", ["human", "json", "sarif", "github"])
def test_any_bytes_are_problems_of_their_file(shop: Path, content: bytes, code: str, file: str, form: str):
    (shop / file).write_bytes(content)
    done = tenure("check", "--format", form)
    assert done.code == 1
    assert file in done.out
    if code != "PB105" or file.endswith("playbook.yaml"):
        assert code in done.out
    if form in ("json", "sarif"):
        json.loads(done.out)


def test_folders_pipes_and_links_in_the_place_of_files_are_passed_over(shop: Path):
    (shop / "playbooks/odd/playbook.yaml").mkdir(parents=True)
    (shop / "playbooks/pipe").mkdir()
    os.mkfifo(shop / "playbooks/pipe/playbook.yaml")
    (shop / "playbooks/gone").mkdir()
    (shop / "playbooks/gone/playbook.yaml").symlink_to("nowhere")
    (shop / "playbooks/loop").mkdir()
    (shop / "playbooks/loop/playbook.yaml").symlink_to("playbook.yaml")
    assert tenure("check").code == 0


@pytest.mark.parametrize("form", ["human", "json", "sarif", "github"])
def test_a_name_that_is_no_text_is_shown_somehow(shop: Path, form: str):
    name = os.fsencode(shop / "playbooks") + b"/caf\xe9"
    os.mkdir(name)  # noqa: PTH102 - pathlib takes no bytes
    (shop / "playbooks/rescue/playbook.yaml").rename(os.fsdecode(name) + "/playbook.yaml")
    done = tenure("check", "--format", form)
    assert done.code == 1
    done.out.encode()
    assert "PB320" in done.out


def test_a_file_that_may_not_be_read_is_refused(shop: Path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (shop / "tenure.yaml").chmod(0)
    assert tenure("check").code == 2
