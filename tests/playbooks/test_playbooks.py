from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.book import Book
from engine.project import Project, read_project
from engine.scenarios.document import ScenarioDocument, load_scenarios
from engine.scenarios.judge import Result, run_scenario
from engine.texts.document import MailText

DAY = date(2026, 3, 2)
ROOT = Path(__file__).parents[2]
OURS = (
    "adoption",
    "advocacy",
    "executive-sponsor-change",
    "expansion",
    "nps-follow-up",
    "onboarding",
    "quarterly-check-in",
    "renewal",
    "risk-recovery",
)
FOLDERS = {"playbooks": OURS, "examples/ravenstack": ("onboarding", "renewal", "risk-recovery")}
ACTING = ("email", "task", "set", "survey", "notify")


@cache
def project(folder: str) -> Project:
    root = ROOT / folder
    return read_project({str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()})


@cache
def scenarios(playbook: str) -> tuple[ScenarioDocument, ...]:
    file = ROOT / "playbooks" / playbook / "scenarios.yaml"
    return load_scenarios(file.read_bytes(), str(file))


def acting_steps(steps: Any) -> Iterator[str]:
    """The ids of all steps that act, at any depth of a plan in JSON."""
    if isinstance(steps, list):
        for step in steps:
            yield from acting_steps(step)
    elif isinstance(steps, dict):
        if steps.get("kind") in ACTING:
            yield steps["id"]
        for part in steps.values():
            yield from acting_steps(part)


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_wrong_with_a_shipped_workspace(folder: str):
    found = project(folder)
    assert [str(problem) for problem in found.problems] == []
    assert set(found.playbooks) == set(FOLDERS[folder])


@cache
def results(playbook: str) -> Mapping[str, Result]:
    """How the scenarios of a playbook went, by name."""
    found = project("playbooks")
    compiled, workspace = found.playbooks[playbook].compiled, found.workspace
    assert compiled is not None
    assert workspace is not None
    return {one.name: run_scenario(one, compiled, workspace) for one in scenarios(playbook)}


CASES = [(playbook, one.name) for playbook in OURS for one in scenarios(playbook)]


@pytest.mark.parametrize(("playbook", "name"), CASES, ids=[": ".join(case) for case in CASES])
def test_a_scenario_goes_as_told(playbook: str, name: str):
    assert results(playbook)[name].failures == ()


@pytest.mark.parametrize("playbook", OURS)
def test_every_acting_step_acts_in_some_scenario(playbook: str):
    compiled = project("playbooks").playbooks[playbook].compiled
    assert compiled is not None
    happened = [one.one for result in results(playbook).values() for one in result.happened]
    acted = {one.step for one in happened if one.what in ACTING}
    assert set(acting_steps(compiled.plan.model_dump(mode="json")["steps"])) - acted == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_mail_is_sent_by_its_playbook(folder: str):
    for name, compilation in project(folder).playbooks.items():
        files = list(ROOT.glob(f"{folder}/**/{name}/emails/*.md"))
        assert len(files) == len(compilation.texts), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_subjects_and_preheaders_fit_a_phone(folder: str):
    longest = {
        "account.name": max((company.name for company in Book(7, 200, DAY).companies), key=len),
        "account.renewal_date | date": "30 September 2027",
        'recipient.first_name or "all"': "Maximiliane",
    }
    texts: list[MailText] = [text for one in project(folder).playbooks.values() for text in one.texts.values()]
    for text in texts:
        subject = text.subject
        for name, value in longest.items():
            subject = subject.replace("{{ " + name + " }}", value)
        assert "{{" not in subject
        assert len(subject) < 50, subject
        assert 0 < len(text.preheader) < 80
        assert text.preheader not in subject
