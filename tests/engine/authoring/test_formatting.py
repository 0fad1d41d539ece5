"""Formatting: what it puts in order, what it never touches, and that it changes no meaning."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.authoring.formatting import formatted
from engine.documents.document import load_document
from engine.expressions.parser import parse
from engine.expressions.tokens import canonical
from engine.problems import DocumentError

_ROOT = Path(__file__).resolve().parents[3]

HEAD = "playbook: x\ntitle: X\ntriggers:\n  - manual: true\n"


NOTE = "      description: |\n        # not a comment  \n\n\n        {{ a  }}\n"


def playbook(text: str) -> str:
    return formatted(text, "playbook.yaml", "playbook")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  - wait: 3 days\n    id: w\n", "  - id: w\n    wait: 3 days\n"),
        ("  - { wait: 3 days, id: w }\n", "  - { id: w, wait: 3 days }\n"),
        ("  - {id: w, wait: 3 days}\n", "  - { id: w, wait: 3 days }\n"),
        ("  - # why\n    wait: 3 days # so\n    id: w\n", "  - # why\n    id: w\n    wait: 3 days # so\n"),
        ("  - wait: 3 days # so\n    # named\n    id: w\n", "  # named\n  - id: w\n    wait: 3 days # so\n"),
        ("  - wait: 3 days   \n\n\n  - end: { reason: x }", "  - wait: 3 days\n\n  - end: { reason: x }\n"),
        (
            "  - then: []\n    if: a.b>3  and not(c.d  is known)\n",
            "  - if: a.b > 3 and not (c.d is known)\n    then: []\n",
        ),
        ("  - then: []\n    if: 'a.b == \"it''s\"'\n", "  - if: 'a.b == \"it''s\"'\n    then: []\n"),
        ("  - wait: {until: a.b-60 days}\n", "  - wait: { until: a.b - 60 days }\n"),
        ("  - end:\r\n      reason: x\r\n", "  - end:\n      reason: x\n"),
        (
            f"  - task:\n      assign: csm\n{NOTE}      title: A\n    id: t\n",
            f"  - id: t\n    task:\n      title: A\n{NOTE}      assign: csm\n",
        ),
        (
            "  - on_error: continue\n    id: s\n    set: { b.c: 1, a.d: { expr: 1+2 } }\n",
            "  - id: s\n    set: { b.c: 1, a.d: { expr: 1 + 2 } }\n    on_error: continue\n",
        ),
    ],
)
def test_steps_are_put_in_order(before: str, after: str):
    assert playbook(f"{HEAD}steps:\n{before}") == f"{HEAD}steps:\n{after}"


def test_parts_of_a_playbook_move_with_the_comments_above_and_inside_them():
    steps = "# what to do\nsteps:\n  # first\n  - wait: 1 day\n  # last\n"
    assert playbook(f"# top\ntitle: X\n{steps}# who\nplaybook: x\ntriggers: [{{ manual: true }}]\n") == (
        f"# top\n# who\nplaybook: x\ntitle: X\ntriggers: [{{ manual: true }}]\n{steps}"
    )


def test_a_text_that_keeps_its_blank_lines_keeps_its_place():
    text = f"{HEAD}steps:\n  - task:\n      description: |+\n        a\n\n      title: A\n      assign: b\n    id: t\n"
    assert playbook(text) == text


def test_what_is_free_keeps_its_order_and_an_expression_over_lines_its_lines():
    text = (
        "name: X\nfields:\n  account.b: text\n  account.a:\n    type: choice\n    of: [z, y]\n"
        "    from: { z: account.arr > 1, y: account.arr <= 1 }\n"
        "metrics:\n  b: number\n  a: >-\n    sum(x.y\n    where  z)\n"
    )
    assert formatted(text, "tenure.yaml", "tenure") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("playbook: x\n", "PB102"),
        (HEAD + "steps:\n  - wiat: 1 day\n", "PB300"),
        (HEAD + "steps:\n  - if: a ==\n    then: []\n", "PB201"),
        ("a: [\n", "PB001"),
        (b"\xff", "PB005"),
    ],
)
def test_a_file_with_problems_is_refused(text: str, code: str):
    with pytest.raises(DocumentError) as refused:
        playbook(text)
    assert code in [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize("path", sorted((_ROOT / "playbooks").rglob("*.yaml")), ids=lambda path: str(path.name))
def test_what_is_shipped_is_in_order(path: Path):
    name = "scorecard" if path.parent.name == "scorecards" else path.stem
    text = path.read_text(encoding="utf-8")
    assert formatted(text, str(path), name) == text


# --- for any playbook -------------------------------------------------------------------------------------------------

DATA: dict[str, Any] = {
    "playbook": "x",
    "title": "X",
    "audience": "account.arr>=3  and (a.b+1) in [1,2]",
    "triggers": [{"score": "health", "falls_below": 40, "for": "3 days"}, {"manual": True}],
    "goal": {"when": "health.score  >  60", "for": "1 day"},
    "steps": [
        {"id": "t", "task": {"title": "{{ a  }} # b", "assign": "csm", "outcomes": ["x", "y"]}, "on_error": "continue"},
        {"if": "task.t.outcome=='x'", "then": [{"wait": {"until": "a.b-1 day", "up_to": "2 days"}}], "else": []},
        {"id": "s", "set": {"z.z": "a", "a.a": {"expr": "-1*x.y"}}},
        {"parallel": [[{"wait": "1 day"}], [{"end": {"reason": "over"}}]], "join": "any"},
    ],
}


def written(chance: Random, value: Any) -> list[str]:
    """Lines for a value as some author might have written it: keys in any order, braces or lines, comments anywhere."""
    items = chance.sample(list(value.items()), len(value)) if isinstance(value, dict) else [("-", one) for one in value]
    found: list[str] = []
    for key, inner in items:
        found += chance.choice([[], [], ["# about " + key], ["", "", "# about " + key]])
        head = key if key == "-" else f"{key}:"
        if not inner or not isinstance(inner, dict | list) or chance.random() < 0.25:
            found.append(f"{head} {in_line(chance, inner)}{chance.choice(['', '', '  # aside', '   '])}")
            continue
        below = written(chance, inner)
        if key == "-" and below[0][:1] not in ("", "#"):
            head, below = f"- {below[0]}", below[1:]
        found += [head, *(f"  {line}" for line in below)]
    return found


def in_line(chance: Random, value: Any) -> str:
    space = chance.choice(["", " "])
    if isinstance(value, dict):
        items = chance.sample(list(value.items()), len(value))
        return "{" + space + ", ".join(f"{key}: {in_line(chance, inner)}" for key, inner in items) + space + "}"
    if isinstance(value, list):
        return "[" + space + ", ".join(in_line(chance, inner) for inner in value) + space + "]"
    return json.dumps(value) if "'" in str(value) or not isinstance(value, str) else f"'{value}'"


def meaning(value: Any) -> Any:
    """Values, with texts that are expressions in one spacing."""
    if isinstance(value, dict):
        return {key: meaning(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [meaning(inner) for inner in value]
    try:
        return canonical(parse(value)[1]) if isinstance(value, str) else value
    except Exception:  # noqa: BLE001 - a text that is none
        return value


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"# (?:about \S+|aside)$", text, re.MULTILINE))


@given(st.integers(0, 2**32).map(Random))
def test_formatting_keeps_meaning_and_comments_and_is_done_at_once(chance: Random):
    text = "\n".join(written(chance, DATA))
    assert meaning(load_document(text, "a").data) == meaning(DATA), text
    after = playbook(text)
    assert meaning(load_document(after, "a").data) == meaning(DATA)
    assert comments(after) == comments(text)
    assert playbook(after) == after
    assert load_document(after, "a").data["audience"] == "account.arr >= 3 and (a.b + 1) in [1, 2]"
