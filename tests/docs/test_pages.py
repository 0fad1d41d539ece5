"""The other pages: settings are all named, links lead somewhere, and commands are real."""

import re
from pathlib import Path

import pytest

from app.cli import app, health_app, suppress_app, task_app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("README.md")])
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
SETTINGS = set(
    re.findall(r'"((?:TENURE|TEMPORAL)_[A-Z_]+)"', (ROOT / "app" / "settings.py").read_text(encoding="utf-8"))
)
COMMANDS = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def test_operating_names_every_setting_and_no_other():
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", OPERATING, re.MULTILINE))
    assert rows == SETTINGS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_files_that_are_there(page: Path):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_that_are_shown_are_real(page: Path):
    text = page.read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:^|`)(?:\./dev )?tenure ([a-z]+)", text, re.MULTILINE))
    assert shown <= {*COMMANDS, "task", "mail", "health", "suppress", "user", "quarantine", "breaker"}
    assert task_app.registered_commands
    assert health_app.registered_commands
    assert suppress_app.registered_commands


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_folders_and_files_that_are_named_are_there(page: Path):
    text = page.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:engine|store|connectors|workflows|web|app|tests|docs|examples|benchmarks)/[\w/.-]*)`", text
    )
    assert [name for name in named if not (ROOT / name).exists() and "NAME" not in name and "NNNN" not in name] == []
