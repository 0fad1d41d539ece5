"""What docs/playbooks.md shows compiles, and what it lists is what there is."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.compile import compile_playbook
from engine.documents.document import load_document
from engine.expressions.aggregates import AGGREGATED
from engine.expressions.functions import FUNCTIONS
from engine.plan import Compiled
from engine.playbook import EntryDocument, PlaybookDocument
from engine.scenarios.check import scenario_problems
from engine.scenarios.document import read_scenarios
from engine.scenarios.judge import run_scenario
from engine.steps import DOCUMENTS as STEPS
from engine.texts.document import MailText, load_text
from engine.texts.filters import FILTERS
from engine.texts.names import known_names
from engine.triggers import DOCUMENTS as TRIGGERS
from engine.workspace import Workspace, load_workspace

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "playbooks.md").read_text(encoding="utf-8")
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TEXTS = {"checking-in": MailText(subject="Hello", body="How are you?\n")}
SKELETON = {
    "playbook": "playbook: rescue\n",
    "title": "title: Rescue\n",
    "triggers": "triggers: [ { manual: true } ]\n",
    "steps": "steps: [ { wait: 1 day } ]\n",
}


def first(key: str) -> str:
    found: str = next(block for block in YAML if block.startswith(f"{key}:"))
    return found


@cache
def workspace() -> Workspace:
    return load_workspace({"tenure.yaml": YAML[0].encode(), "scorecards/health.yaml": first("scorecard").encode()})


def compiled(block: str) -> Compiled:
    """A playbook of the block, with what it leaves out."""
    document: Mapping[str, Any] = load_document(block, "block").data
    source = "".join(text for key, text in SKELETON.items() if key not in document) + block
    found = compile_playbook(source.encode(), "playbooks.md", "rescue", TEXTS, workspace())
    assert [str(problem) for problem in found.problems] == []
    assert found.compiled is not None
    return found.compiled


@pytest.mark.parametrize(
    "block",
    [block for block in YAML[1:] if not block.startswith(("scorecard:", "scenarios:"))],
    ids=lambda block: block.partition(":")[0],
)
def test_every_block_of_a_playbook_compiles(block: str):
    compiled(block)


def test_the_scenario_runs_against_the_whole_playbook():
    whole = compiled(first("playbook"))
    document = load_document(first("scenarios"), "playbooks.md")
    scenarios = read_scenarios(document)
    assert scenario_problems(document, scenarios, whole, workspace()) == ()
    assert [run_scenario(one, whole, workspace()).failures for one in scenarios] == [()]


def test_the_mail_is_one():
    (mail,) = re.findall(r"^```markdown\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names = known_names(workspace().catalogue().fields, workspace().roles.contacts, workspace().roles.staff)
    assert load_text(mail, "playbooks.md", names).category == "service"


def keys_of(model: type[Any]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    "word",
    sorted(
        {*STEPS, *TRIGGERS, *FUNCTIONS, *AGGREGATED, *FILTERS}
        | keys_of(EntryDocument)
        | (keys_of(PlaybookDocument) - {"description"})
        | {key for model in (*STEPS.values(), *TRIGGERS.values()) for key in keys_of(model)}
    ),
)
def test_the_page_speaks_of_every_word_of_the_language(word: str):
    assert re.search(rf"\b{re.escape(word)}\b", PAGE)
