"""Tags: words put on an account by `set`, and asked for with `contains`."""

import pytest

from engine.documents.document import load_document
from engine.expressions import ExpressionError, Scope, parse_expression
from engine.scenarios.document import read_scenarios
from engine.scenarios.judge import run_scenario
from tests.authoring import authoring_workspace, compiled, found, with_steps

SCOPE = Scope(catalogue=authoring_workspace().catalogue())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('account.tags == "at-risk"', "PB204"),
        ("account.tags == account.tags", "PB204"),
        ("account.tags > 3", "PB204"),
        ('account.tags in ["at-risk"]', "PB204"),
        ("account.tags contains 3", "PB204"),
        ('account.tags starts_with "at"', "PB204"),
        ("account.tags", "PB207"),
    ],
)
def test_tags_are_asked_for_one_by_one(text, code):
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, SCOPE, want="bool")
    assert [one.code for one in caught.value.problems] == [code]


@pytest.mark.parametrize("word", ['account.tags contains "at-risk"', 'not (account.tags contains "vip")'])
def test_conditions_on_tags_are_never_unknown_to_the_checker(word):
    assert found(compiled(with_steps(f"  - if: {word}\n    then: [{{ wait: 1 day }}]\n"))) == []


@pytest.mark.parametrize(
    ("step", "codes"),
    [
        ("set: { tag: at-risk }", []),
        ("set: { tag: [at-risk, late], untag: happy, account.note: x }", []),
        ("set: { tag: at-risk, untag: at-risk }", ["PB316"]),
        ("set: { tag: 3 }", ["PB316"]),
        ('set: { tag: "" }', ["PB316"]),
        ("set: { account.tags: at-risk }", ["PB316"]),
        ("set: { tag: { expr: account.note } }", ["PB316"]),
    ],
)
def test_a_set_puts_words_on_and_takes_them_off(step, codes):
    assert [one.code for one in compiled(with_steps(f"  - id: mark\n    {step}\n")).problems] == codes


SCENARIO = """
scenarios:
  - name: a tag is put on, and taken off
    account: { tags: [happy] }
    start: 2026-03-02
    days:
      0: { health.score: 80 }
      1: { health.score: 20 }
    until: 9
    expect:
      - { day: 1, set: mark }
      - { day: 1, set: seen }
      - { day: 1, set: unmark }
    never: [wrong, still]
"""
STEPS = """
  - id: mark
    set: { tag: [at-risk], untag: happy }
  - wait: 1 hour
  - if: account.tags contains "at-risk" and not (account.tags contains "happy")
    then:
      - id: seen
        set: { account.note: seen }
    else:
      - id: wrong
        set: { account.note: wrong }
  - id: unmark
    set: { untag: at-risk }
  - wait: 1 hour
  - if: account.tags contains "at-risk"
    then:
      - id: still
        set: { account.note: still }
"""


def test_later_steps_see_the_tags_of_earlier_ones():
    made = compiled(with_steps(STEPS.lstrip("\n")))
    assert made.compiled is not None, made.problems
    (scenario,) = read_scenarios(load_document(SCENARIO, "scenarios.yaml"))
    assert run_scenario(scenario, made.compiled, authoring_workspace()).failures == ()
