"""Beginning a playbook, or a workspace, from what is shipped."""

from pathlib import Path

import pytest

from app.library import templates
from tests.command_line import make_shop, tenure

NAMES = [one.name for one in templates()]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "acme works"
    assert tenure("new", "--workspace", folder).code == 0
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_templates_are_listed_with_their_titles():
    done = tenure("new")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == NAMES
    assert all(one.title in done.out for one in templates())


def test_a_new_workspace_checks_clean_and_is_in_order(workspace: Path):
    assert (tenure("check", workspace).code, tenure("check", workspace).out) == (0, "")
    assert tenure("fmt", "--check", workspace).code == 0


@pytest.mark.parametrize("template", NAMES)
def test_a_copy_checks_clean_and_its_scenarios_hold_in_a_new_workspace(template: str, workspace: Path):
    done = tenure("new", "our-own", "--from", template, "--in", workspace)
    assert (done.code, done.out) == (0, ""), done.err
    checked = tenure("check", "--strict", workspace)
    assert (checked.code, checked.out) == (0, ""), checked.out
    assert tenure("test", workspace).code == 0
    assert tenure("fmt", "--check", workspace).code == 0


def test_all_of_the_library_fits_into_one_workspace(workspace: Path):
    for name in NAMES:
        assert tenure("new", f"{name}-2", "--from", name, "--in", workspace).code == 0
    assert tenure("check", workspace).code == 0


def test_a_copy_goes_into_the_workspace_around_the_current_folder(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    (workspace / "playbooks").mkdir()
    monkeypatch.chdir(workspace / "playbooks")
    assert tenure("new", "ours", "--from", "renew").code == 0
    text = (workspace / "playbooks/ours/playbook.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../schema/playbook.json\nplaybook: ours\n")
    assert "Tidewright" not in "".join(
        path.read_text(encoding="utf-8") for path in (workspace / "playbooks/ours").rglob("*.*")
    )


def test_a_workspace_keeps_its_own_words_and_comments(tmp_path: Path):
    shop, _ = make_shop(tmp_path)
    before = (shop / "tenure.yaml").read_text(encoding="utf-8").splitlines()
    assert tenure("new", "ours", "--from", "onboarding", "--in", shop).code == 0
    after = (shop / "tenure.yaml").read_text(encoding="utf-8").splitlines()
    braced = ("  contacts:", "  staff:", "metrics:")  # had to be written on lines to take more
    assert [line for line in before if line not in after and not line.startswith(braced)] == []
    assert tenure("check", shop).code == 0


def test_a_workspace_whose_bands_are_others_is_told_which_scenarios_do_not_hold(tmp_path: Path):
    shop, _ = make_shop(tmp_path)
    done = tenure("new", "ours", "--from", "renewal", "--in", shop)
    assert done.code == 1
    assert "scenario failed: " in done.err
    assert tenure("check", shop).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("ours",),
        ("ours", "--from", "nothing-like-it"),
        ("Our Own", "--from", "renewal"),
        ("../ours", "--from", "renewal"),
        ("there", "--from", "renewal"),
    ],
)
def test_a_refusal_writes_nothing(arguments: tuple[str, ...], workspace: Path):
    (workspace / "playbooks/there").mkdir(parents=True)
    before = contents(workspace)
    refused = tenure("new", *arguments, "--in", workspace)
    assert (refused.code, refused.out) == (2, "")
    assert contents(workspace) == before


def test_a_workspace_is_not_made_over_another(workspace: Path):
    before = contents(workspace)
    assert tenure("new", "--workspace", workspace).code == 2
    assert contents(workspace) == before
