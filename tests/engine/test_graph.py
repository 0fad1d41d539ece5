"""Pictures of playbooks: every step is in every form, nothing leaves the page, and nobody needs colour to read it."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.graph import FORMATS, picture
from engine.graph.tree import plainly
from engine.graph.words import width, wrap
from engine.outline import outline
from engine.plan import Compiled
from engine.steps import KINDS
from engine.steps.base import Family, Step
from tests.authoring import compiled, with_steps

SVG = "{http://www.w3.org/2000/svg}"
BRANCHY = with_steps(
    """\
  - id: call
    task: { title: 'Call {{ account.name }} <at once>', assign: csm, due: 2 days, outcomes: [reached, lost] }
    on_error:
      - wait: 1 day
  - if: task.call.outcome == "reached"
    then:
      - parallel:
          - - wait: 7 days
          - - id: mail
              email: { template: hello, to: champion }
    elif:
      - if: task.call.outcome == "lost"
        then:
          - end: { reason: "lost & gone" }
    else:
      - id: answer
        wait_for: { event: login, up_to: 5 days }
        then:
          - id: note
            set: { account.note: seen }
"""
)


def plan_of(source: str) -> Compiled:
    found = compiled(source)
    assert found.compiled is not None, found.problems
    return found.compiled


def texts(svg: str) -> list[str]:
    return [str(element.text) for element in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("form", FORMATS)
def test_every_step_with_an_id_is_in_every_form(form: str):
    drawn = FORMATS[form](picture(plan_of(BRANCHY)))
    for found in outline(plan_of(BRANCHY).plan):
        if found.step.id:
            assert found.step.id in drawn, found.path


def test_the_terminal_shows_branches_as_a_tree():
    drawn = FORMATS["text"](picture(plan_of(BRANCHY))).splitlines()
    assert "│ ◇ if  the first that holds" in drawn
    assert '│ ├─ task.call.outcome == "reached"' in drawn
    assert "│ └─ otherwise" in drawn
    assert "│    ├─ it came" in drawn
    assert "│    └─ too late: go on" in drawn
    assert "■ worked through" in drawn


def test_a_picture_is_announced_to_who_cannot_see_it():
    root = ET.fromstring(FORMATS["svg"](picture(plan_of(BRANCHY))))
    assert root.get("role") == "img"
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "Playbook rescue: Rescue"
    assert "Call [account] <at once>" in str(desc.text)


def test_words_stay_inside_their_boxes_and_boxes_on_the_page():
    root = ET.fromstring(FORMATS["svg"](picture(plan_of(BRANCHY))))
    wide, high = float(root.get("width", 0)), float(root.get("height", 0))
    for text in root.iter(f"{SVG}text"):
        size, x = float(text.get("font-size", 0)), float(text.get("x", 0))
        long = width(str(text.text), size)
        left = x - long / 2 if text.get("text-anchor") == "middle" else x
        assert left >= 0
        assert left + long <= wide
        assert float(text.get("y", 0)) <= high


def test_every_family_has_a_shape_and_a_sign_of_its_own():
    from typing import get_args

    from engine.graph.dot import _LOOKS
    from engine.graph.shapes import _FILLS, _SIGNS
    from engine.graph.shapes import outline as shape
    from engine.graph.text import SIGNS

    families = get_args(Family)
    assert len({SIGNS[family] for family in families}) == len(families)
    assert len({_SIGNS[family] for family in families}) == len(families)
    assert set(families) <= set(_FILLS) & set(_LOOKS)
    assert all(shape(family, 0, 0, 100, 40) for family in families)
    assert {kind.family for kind in KINDS.values()} <= set(families)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_says_what_it_does(kind: str):
    assert KINDS[kind].says is not Step.says


def test_after_an_end_nothing_is_added():
    ending = plan_of(with_steps("  - end: { reason: enough }\n"))
    assert "worked through" not in FORMATS["text"](picture(ending))
    assert texts(FORMATS["svg"](picture(ending)))[-1] == "End: enough"


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("Call {{ account.name }}", "Call [account]"),
        ('Call {{ contact.champion.first_name or "them" }}', "Call [champion]"),
        ("Health is {{ health.score | default('?') }}", "Health is [health.score]"),
        ("{% if account.vip %}Now{% endif %}  {{ account.renewal_date | date }}", "Now [account.renewal date]"),
        ("plain", "plain"),
    ],
)
def test_templates_are_shown_as_what_they_stand_for(template: str, plain: str):
    assert plainly(template) == plain


@given(st.text(min_size=1, max_size=200), st.integers(40, 300))
def test_wrapped_lines_always_fit(text: str, room: int):
    for line in wrap(text, room, 12):
        assert width(line, 12) <= room or len(line) <= 2
