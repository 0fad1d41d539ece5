import json
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.compile import compile_playbook
from engine.plan import Compiled, Plan
from engine.values import canonical_json
from tests.authoring import PLAYBOOK, TEXTS, authoring_workspace, compiled, found, with_line, with_steps

BOTH = {
    "title": (PLAYBOOK.replace("title: Rescue", "title: [x]"), "PB103 2:8"),
    "no title": (PLAYBOOK.replace("title: Rescue\n", ""), "PB102 1:1"),
    "name": (PLAYBOOK.replace("playbook: rescue", "playbook: 7"), "PB103 1:11"),
    "trigger": (PLAYBOOK.replace("falls_below: 40", "falls_below: [40]"), "PB103 5:18"),
    "wait": (PLAYBOOK.replace("wait: 7 days", "wait: [7 days]"), "PB103 13:15"),
    "key of a step": (PLAYBOOK.replace("template: hello, ", ""), "PB102 10:12"),
    "body of a step": (PLAYBOOK.replace("{ template: hello, to: champion }", "champion"), "PB103 10:12"),
}


@pytest.mark.parametrize("spoilt", BOTH)
def test_what_is_wrong_with_the_shape_does_not_hide_what_is_wrong_with_the_meaning(spoilt: str):
    source, of_shape = BOTH[spoilt]
    wrong = found(compiled(source.replace("assign: csm", "assign: csn").replace("task.call.", "task.cal.")))
    kinds = [one.partition(" ")[0] for one in wrong]
    assert of_shape in wrong
    assert sorted(kinds) == sorted([of_shape.partition(" ")[0], "PB317", "PB202"])


BAD = {
    "PB001 11:31": PLAYBOOK.replace("triggers:", '"'),
    "PB002 3:1": with_line("title: Again"),
    "PB101 3:1": with_line("titel: Rescue"),
    "PB102 1:1": PLAYBOOK.replace("title: Rescue\n", ""),
    "PB103 3:11": with_line("priority: high"),
    "PB104 3:31": with_line("on_end: { open_tasks: { goal: burn } }"),
    "PB105 3:11": with_line("priority: 200"),
    "PB202 3:11": with_line("audience: account.segmint == 'enterprise'"),
    "PB204 3:25": with_line("audience: account.arr > 'many'"),
    "PB205 3:30": with_line("audience: account.segment == 'tiny'"),
    "PB207 3:11": with_line("audience: account.arr + 1"),
    "PB322 3:23": with_line("entry: { again_after: soon }"),
    "PB323 3:15": with_line("entry: { key: account.renewel_date }"),
    "PB325 3:15": with_line("entry: { key: account.arr }"),
    "PB325 3:23": with_line("entry: { on_conflict: replace }"),
    "PB322 3:10": with_line("max_age: one fortnight"),
}


@pytest.mark.parametrize("problem", BAD)
def test_a_broken_playbook_names_code_line_and_column(problem: str):
    compilation = compiled(BAD[problem])
    assert problem in found(compilation)
    assert compilation.compiled is None


def test_open_tasks_are_withdrawn_on_the_endings_that_say_so():
    plain = compiled(PLAYBOOK).compiled
    spelt = compiled(with_line("on_end: { open_tasks: { stop: withdraw, end: leave } }")).compiled
    other = compiled(with_line("on_end: { open_tasks: { goal: leave, end: withdraw } }")).compiled
    assert plain is not None
    assert spelt is not None
    assert other is not None
    assert plain.plan.hash == spelt.plan.hash
    assert plain.plan.withdraws_on == ("goal", "exit", "stop")
    assert other.plan.withdraws_on == ("exit", "stop", "end")


def test_the_good_playbook_has_no_problems():
    assert found(compiled(PLAYBOOK)) == []


def test_every_problem_of_one_meaning_is_found_in_one_go():
    source = (
        with_line("audience: account.segmint == 1").replace("assign: csm", "assign: cms").replace("7 days", "7 dais")
    )
    assert found(compiled(source)) == ["PB202 3:11", "PB317 9:39", "PB322 14:15"]


def test_a_playbook_is_called_as_its_folder():
    assert found(compiled(PLAYBOOK, folder="other")) == ["PB320 1:11"]


def test_problems_inside_an_expression_point_into_it():
    source = with_steps("  - if: account.arr > 1 and account.nots == 'x'\n    then: []\n")
    assert found(compiled(source)) == ["PB202 7:29"]


@pytest.mark.parametrize(
    ("audience", "asks_for_lifecycle"),
    [(None, True), ("account.arr > 1", True), ('account.lifecycle == "churned"', False)],
)
def test_churned_accounts_are_outside_unless_the_audience_names_the_lifecycle(audience, asks_for_lifecycle):
    source = PLAYBOOK if audience is None else with_line(f"audience: {audience}")
    version = compiled(source).compiled
    assert version is not None
    assert ("churned" in version.audience.text and "not in" in version.audience.text) is asks_for_lifecycle


def test_results_can_be_read_only_after_their_step():
    early = with_steps(
        "  - if: task.call.outcome == 'done'\n    then: []\n  - id: call\n    task: { title: Call, assign: csm }\n"
    )
    assert found(compiled(early)) == ["PB362 7:9"]


def test_awaited_conditions_read_facts_only():
    steps = "  - id: a\n    task: { title: A, assign: csm }\n"
    steps += "  - wait_for: { condition: task.a.outcome == 'done', up_to: 1 day }\n"
    assert found(compiled(with_steps(steps))) == ["PB319 9:28"]


def test_the_plan_round_trips_through_json():
    version = compiled(PLAYBOOK).compiled
    assert version is not None
    again = Compiled.model_validate(json.loads(json.dumps(version.model_dump(mode="json"))))
    assert again == version
    assert (again.hash, again.plan.hash) == (version.hash, version.plan.hash)


def test_key_order_comments_and_style_do_not_change_the_plan():
    shuffled = """\
# the same, written by somebody else
steps:
  - task:
      outcomes:
        - reached
        - lost
      due: P2D   # ISO 8601
      assign: csm
      title: "Call them"
    id: call
  - { email: { to: champion, template: hello }, id: mail }
  - then: [ { wait: 7 days } ]
    if: 'task.call.outcome   ==   "reached"'
triggers: [ { falls_below: 40.0, score: health } ]
title: Rescue
playbook: rescue
"""
    one, other = compiled(PLAYBOOK).compiled, compiled(shuffled).compiled
    assert one is not None
    assert other is not None
    assert canonical_json(one) == canonical_json(other)
    assert one.hash == other.hash


def test_another_step_is_another_plan_but_a_title_is_not():
    one = compiled(PLAYBOOK).compiled
    other = compiled(PLAYBOOK.replace("7 days", "8 days")).compiled
    renamed = compiled(PLAYBOOK.replace("title: Rescue", "title: Save")).compiled
    assert one is not None
    assert other is not None
    assert renamed is not None
    assert one.plan.hash != other.plan.hash
    assert one.plan.hash == renamed.plan.hash
    assert one.hash != renamed.hash


def test_a_fixed_date_that_has_passed_is_warned_of():
    source = with_steps("  - wait: { until: 2026-03-10 }\n").encode()

    def codes(today: date | None) -> list[str]:
        found = compile_playbook(source, "playbook.yaml", "rescue", TEXTS, authoring_workspace(), today=today)
        assert found.compiled is not None
        return [problem.code for problem in found.problems]

    assert codes(None) == codes(date(2026, 3, 9)) == []
    assert codes(date(2026, 3, 10)) == ["PB363"]


# --- whatever comes in ---

_PIECES = st.sampled_from(
    [
        *PLAYBOOK.splitlines(),
        "  - wait: 1 day",
        "  - end: { reason: done }",
        "{",
        "}",
        "- [",
        "'",
        "x: &a",
        "*a",
        "\t",
        "~",
    ]
)
_EXPRESSIONS = st.recursive(
    st.sampled_from(
        ["account.arr > 1", "account.segment == 'enterprise'", "health.band == 'red'", "account.note is known"]
    ),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=6,
)
_LEAVES = st.one_of(
    st.builds(lambda n: {"wait": f"{n} days"}, st.integers(1, 400)),
    st.builds(lambda day: {"wait": {"next": day, "at": "10:30"}}, st.sampled_from(["monday", "business_day"])),
    st.builds(lambda c: {"wait_for": {"condition": c, "up_to": "5 days"}}, _EXPRESSIONS),
    st.just({"wait_for": {"event": "login", "up_to": "2 weeks"}}),
    st.just({"task": {"title": "Call {{ account.name }}", "assign": "csm"}}),
    st.just({"email": {"template": "hello", "to": "all admin", "from": "csm"}}),
    st.just({"wait": "friday 16:30"}),
    st.just({"enroll": {"playbook": "another"}}),
    st.builds(lambda text: {"set": {"account.note": text}}, st.text(st.characters(codec="ascii"), max_size=8)),
)


def _branch(steps: st.SearchStrategy) -> st.SearchStrategy:
    body = st.lists(steps, max_size=3)
    return st.one_of(
        st.builds(lambda c, then, else_: {"if": c, "then": then, "else": else_}, _EXPRESSIONS, body, body),
        st.builds(
            lambda one, two, join: {"parallel": [one, two], "join": join}, body, body, st.sampled_from(["all", "any"])
        ),
        st.builds(
            lambda c, then, default: {"switch": [{"when": c, "then": then}], "default": default},
            _EXPRESSIONS,
            body,
            body,
        ),
        st.builds(
            lambda c, word, steps: {"repeat": {word: c, "at_most": 3, "steps": steps or [{"wait": "1 day"}]}},
            _EXPRESSIONS,
            st.sampled_from(["while", "until"]),
            body,
        ),
        st.builds(
            lambda one, two: {
                "split": [{"arm": "a", "weight": 1, "steps": one}, {"arm": "b", "weight": 2, "steps": two}]
            },
            body,
            body,
        ),
        st.builds(
            lambda c, then, late: {"wait_for": {"condition": c, "up_to": "3 days"}, "then": then, "on_timeout": late},
            _EXPRESSIONS,
            body,
            body,
        ),
    )


_STEPS = st.lists(st.recursive(_LEAVES, _branch, max_leaves=8), min_size=1, max_size=5)


def _named(steps: Any, numbers: list[int]) -> Any:
    """Acting steps and splits need ids of their own."""
    if isinstance(steps, list):
        return [_named(one, numbers) for one in steps]
    if not isinstance(steps, dict):
        return steps
    copy = {key: _named(value, numbers) for key, value in steps.items()}
    if {"task", "email", "set", "enroll", "split"} & copy.keys():
        numbers[0] += 1
        copy["id"] = f"step_{numbers[0]}"
    return copy


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"")
@example(b"[" * 300)
@example(b"playbook: \x00")
@example(b"\xff\xfe")
def test_any_bytes_give_problems_and_never_an_exception(content: bytes):
    compilation = compiled(content)
    assert compilation.compiled is None
    assert compilation.problems


@given(st.lists(_PIECES, max_size=20))
def test_any_arrangement_of_lines_compiles_or_says_what_is_wrong(lines: list[str]):
    compilation = compiled("\n".join(lines))
    errors = [problem for problem in compilation.problems if problem.severity == "error"]
    assert (compilation.compiled is None) is bool(errors)
    assert all(problem.spot.line >= 1 and problem.spot.column >= 1 and problem.message for problem in errors)


@given(_STEPS)
def test_every_well_formed_document_compiles_and_its_plan_round_trips(steps: list[Any]):
    document = {
        "playbook": "rescue",
        "title": "Rescue",
        "triggers": [{"manual": True}],
        "steps": _named(steps, [0]),
    }
    compilation = compiled(json.dumps(document))
    assert found(compilation) == []
    assert compilation.compiled is not None
    plan = compilation.compiled.plan
    again = Plan.model_validate(json.loads(canonical_json(plan)))
    assert again == plan
    assert again.hash == plan.hash


# --- what else is wrong, where a value cannot be used ---

MANY = """\
playbook: rescue
title: Many
audience: account.arrr >= 25000
triggers:
  - { metric: nps, falls_below: sixty }
  - { manual: true }
exit:
  - { when: 5, reason: gone }
goal: { when: [] }
max_age: 150
steps:
  - id: call
    task: { title: Call, assign: csm, due: 5, remind: 1 day before, outcomes: [reached, lost] }
  - if: task.call.outcome == "reached"
    then:
      - wait: 14 dayz
  - id: hello
    email: { template: hello, to: champio }
"""


def test_a_value_that_cannot_be_used_hides_nothing_else_and_makes_nothing_wrong():
    found = sorted(f"{one.code} {one.spot.path}" for one in compiled(MANY).problems if one.severity == "error")
    assert found == [
        "PB103 exit[0].when",
        "PB103 goal.when",
        "PB103 triggers[0].falls_below",
        "PB202 audience",
        "PB317 steps[2].email.to",
        "PB322 max_age",
        "PB322 steps[0].task.due",
        "PB322 steps[1].then[0].wait",
    ]


def test_where_nobody_knows_what_a_step_leaves_to_others_only_the_shape_is_told():
    broken = MANY.replace("    email: {", "    emal: {")
    assert {one.code for one in compiled(broken).problems} == {"PB300", "PB103", "PB322"}
