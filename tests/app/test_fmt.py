"""`tenure fmt` on files: what is written, what is only told, and what is left alone."""

from pathlib import Path

import pytest

from tests.command_line import make_shop, tenure

NEAT = "playbook: greet\ntitle: Greet\n"
UNTIDY = "title: Greet\nplaybook: greet   \n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = make_shop(tmp_path)[0]
    assert tenure("fmt", folder).code == 0
    return folder


@pytest.fixture
def untidy(shop: Path) -> Path:
    path = shop / "playbooks/greet/playbook.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(NEAT)
    path.write_text(text.replace(NEAT, UNTIDY), encoding="utf-8")
    path.chmod(0o640)
    return path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_workspace_that_is_in_order_is_not_touched(shop: Path):
    before = {path: path.stat().st_mtime_ns for path in shop.rglob("*")}
    done = tenure("fmt", shop)
    assert (done.code, done.out, done.err) == (0, "", "0 files changed\n")
    assert {path: path.stat().st_mtime_ns for path in shop.rglob("*")} == before


def test_a_file_is_put_in_order_in_one_stroke_with_its_rights(shop: Path, untidy: Path):
    done = tenure("fmt", shop)
    assert (done.code, done.out) == (0, f"{untidy}\n")
    assert untidy.read_text(encoding="utf-8").startswith(NEAT)
    assert untidy.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in untidy.parent.iterdir()] == ["playbook.yaml"]
    assert tenure("check", shop).code == 0


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_looking_changes_nothing(shop: Path, untidy: Path, option: str):
    before = contents(shop)
    done = tenure("fmt", option, shop)
    assert done.code == (1 if option == "--check" else 0)
    assert str(untidy) in done.out
    assert ("+playbook: greet\n" in done.out) == (option == "--diff")
    assert done.err == "1 file would change\n"
    assert contents(shop) == before


def test_a_file_with_problems_is_left_alone_and_the_others_are_not(shop: Path, untidy: Path):
    broken = shop / "playbooks/rescue/playbook.yaml"
    text = broken.read_text(encoding="utf-8").replace("title: Rescue", "titel: Rescue")
    broken.write_text(text, encoding="utf-8")
    done = tenure("fmt", shop)
    assert (done.code, done.out) == (1, f"{untidy}\n")
    assert f"{broken}:2:1: error PB101" in done.err
    assert "did you mean" in done.err
    assert broken.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[" * 9999, b"a: &x 1\n"])
def test_bytes_that_are_no_playbook_are_left_as_they_are(shop: Path, content: bytes):
    path = shop / "playbooks/greet/playbook.yaml"
    path.write_bytes(content)
    assert tenure("fmt", path).code == 1
    assert path.read_bytes() == content


def test_a_single_file_outside_of_any_workspace_can_be_formatted(tmp_path: Path):
    path = tmp_path / "playbook.yaml"
    path.write_text("title: X\nplaybook: x\ntriggers: [{manual: true}]\nsteps: [{wait: 1 day}]\n", encoding="utf-8")
    assert tenure("fmt", path).code == 0
    assert path.read_text(encoding="utf-8") == (
        "playbook: x\ntitle: X\ntriggers: [{ manual: true }]\nsteps: [{ wait: 1 day }]\n"
    )


@pytest.mark.parametrize("name", ["nowhere", "notes.yaml"])
def test_what_is_no_file_of_a_workspace_is_refused(tmp_path: Path, name: str):
    (tmp_path / "notes.yaml").write_text("a: 1\n", encoding="utf-8")
    refused = tenure("fmt", tmp_path / name)
    assert (refused.code, refused.out) == (2, "")
