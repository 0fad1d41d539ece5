import json

import pytest

from engine.steps import DOCUMENTS, KINDS
from engine.steps.base import Step
from engine.steps.email import EmailStep
from engine.steps.if_ import IfStep
from engine.steps.set_ import SetStep
from engine.steps.task import TaskStep
from engine.steps.wait import WaitStep
from engine.steps.wait_for import WaitForStep
from engine.turns.walk import Walk
from tests.authoring import TEXTS, compiled, found, warned, with_steps

CALL = "  - id: call\n    task: { title: Call, assign: csm }\n"
MAIL = "  - id: mail\n    email: { template: hello, to: champion }\n"


def steps(text: str) -> tuple[Step, ...]:
    compilation = compiled(with_steps(text))
    assert found(compilation) == []
    assert compilation.compiled is not None
    return compilation.compiled.plan.steps


GOOD = {
    "task": CALL,
    "task with everything": """\
  - id: call
    task:
      title: 'Call {{ contact.champion.first_name or "them" }}'
      description: Look at {{ account.name }} first.
      assign: csm
      due: 2 business days
      checklist: [Read the tickets, Agree one step]
      outcomes: [reached, lost]
      remind: 1 business day before
      escalate: { after: 1 business day, to: csm.manager }
      give_up_after: 20 days
    on_error: continue
""",
    "email": MAIL,
    "email with an answer to failure": MAIL + "    on_error:\n      - wait: 1 day\n",
    "wait": "  - wait: 3 business days\n",
    "wait for a weekday": "  - wait: { next: monday, at: '10:30' }\n",
    "wait for a date": "  - wait: { until: account.renewal_date - 60 days, if_past: end, up_to: 90 days }\n",
    "wait_for a condition": "  - wait_for: { condition: health.score >= 70, up_to: 10 days }\n",
    "wait_for an event": "  - wait_for: { event: login, up_to: 5 days }\n    on_timeout: [ { wait: 1 day } ]\n",
    "wait_for a mail event": MAIL + "  - wait_for: { event: email.clicked, of: mail, up_to: 5 days }\n",
    "if": CALL + "  - if: task.call.outcome == 'done'\n    then: []\n    elif: [ { if: account.vip, then: [] } ]\n"
    "    else: []\n    on_unknown: []\n",
    "parallel": "  - parallel:\n      - - wait: 1 day\n      - - wait: 2 days\n    join: any\n",
    "set": "  - id: note\n    set: { account.note: called, account.seats: { expr: account.seats + 1 } }\n",
    "wait for a day in words": "  - wait: next business day 09:00\n",
    "wait_for an event that is asked": "  - wait_for: { event: login, where: device == 'phone', up_to: 5 days }\n",
    "switch": "  - switch:\n      - { when: account.vip, then: [] }\n      - { when: account.seats > 3, then: [] }\n"
    "    default: []\n    on_unknown: []\n",
    "repeat until": "  - id: chase\n    repeat:\n      until: email.nudge.replied\n      at_most: 3\n      steps:\n"
    "        - id: nudge\n          email: { template: hello, to: champion }\n        - wait: 2 days\n",
    "repeat while": "  - repeat: { while: account.seats > 3, at_most: 5, steps: [ { wait: 1 day } ] }\n",
    "repeat so many times": "  - repeat: { at_most: 5, steps: [ { wait: 1 day } ] }\n",
    "split": "  - id: trial\n    split:\n      - { arm: a, weight: 50, steps: [] }\n"
    "      - { arm: b, weight: 0.5, steps: [ { wait: 1 day } ] }\n",
    "enroll": "  - id: next\n    enroll: { playbook: renewal }\n",
    "end": "  - end: { reason: worked through }\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_step_compiles_and_round_trips_through_json(name: str):
    for step in steps(GOOD[name]):
        again = KINDS[step.kind].model_validate(json.loads(step.model_dump_json()))
        assert again == step


BAD = {
    "PB300 7:5": "  - send: { template: hello }\n",
    "PB102 7:5": "  - task: { title: Call, assign: csm }\n",
    "PB101 8:26": "  - id: call\n    task: { title: Call, asign: csm }\n",
    "PB306 9:9": CALL + CALL,
    "PB307 9:42": CALL + "  - wait_for: { event: email.opened, of: mial, up_to: 1 day }\n",
    "PB308 8:5": "  - end: { reason: done }\n  - wait: 1 day\n",
    "PB308 10:5 if": "  - if: account.vip\n    then: [ { end: { reason: a } } ]\n    else: [ { end: { reason: b } } ]\n"
    "  - wait: 1 day\n",
    "PB308 10:5 switch": "  - switch: [ { when: account.vip, then: [ { end: { reason: a } } ] } ]\n"
    "    default: [ { end: { reason: b } } ]\n    on_unknown: [ { end: { reason: c } } ]\n  - wait: 1 day\n",
    "PB308 10:5 parallel": "  - parallel:\n      - - end: { reason: a }\n      - - wait: 2 days\n  - wait: 1 day\n",
    "PB308 8:5 repeat": "  - repeat: { at_most: 2, steps: [ { end: { reason: a } } ] }\n  - wait: 1 day\n",
    "PB102 7:5 switch": "  - switch: [ { when: account.vip, then: [] } ]\n",
    "PB102 7:13 repeat": "  - repeat: { while: account.vip, steps: [ { wait: 1 day } ] }\n",
    "PB105 7:24": "  - repeat: { at_most: 101, steps: [ { wait: 1 day } ] }\n",
    "PB364 7:13": "  - repeat: { while: account.vip, until: account.vip, at_most: 1, steps: [ { wait: 1 day } ] }\n",
    "PB364 7:58": "  - repeat: { at_most: 50, steps: [ { repeat: { at_most: 50, steps: [ { wait: 1 day } ] } } ] }\n",
    "PB361 7:9": "  - if: 1 > 2 or 3 > 4\n    then: []\n",
    "PB361 7:28": "  - wait_for: { condition: today >= today - 3 days, up_to: 1 day }\n",
    "PB361 7:23": "  - switch: [ { when: '1 < 2', then: [] }, { when: account.vip, then: [] } ]\n    default: []\n",
    "PB363 7:11": "  - wait: 0 days\n",
    "PB363 7:20": "  - wait: { until: today - 3 days }\n",
    "PB363 7:20 moves along": "  - wait: { until: today + 3 days }\n",
    "PB314 7:34 weekday": "  - wait: { next: monday, up_to: 3 days }\n",
    "PB365 8:55": "  - id: trial\n    split: [ { arm: a, weight: 1, steps: [] }, { arm: a, weight: 1, steps: [] } ]\n",
    "PB365 8:12": "  - id: trial\n    split: [ { arm: a, weight: 0, steps: [] }, { arm: b, weight: 0, steps: [] } ]\n",
    "PB323 7:24 event": "  - wait_for: { event: logon, up_to: 3 days }\n",
    "PB209 7:38": "  - wait_for: { event: login, where: devise == 'phone', up_to: 3 days }\n",
    "PB315 7:48 where": "  - wait_for: { condition: account.vip, where: account.vip, up_to: 3 days }\n",
    "PB310 8:35": "  - id: mail\n    email: { template: hello, to: the champion }\n",
    "PB317 8:35": "  - id: mail\n    email: { template: hello, to: chmpion }\n",
    "PB317 8:51": "  - id: mail\n    email: { template: hello, to: champion, from: cms }\n",
    "PB321 8:24": "  - id: mail\n    email: { template: helo, to: champion }\n",
    "PB317 8:34 task": "  - id: call\n    task: { title: Call, assign: cms }\n",
    "PB311 8:60": "  - id: call\n    task: { title: Call, assign: csm, due: 2 days, remind: 1 day }\n",
    "PB312 8:47": "  - id: call\n    task: { title: Call, assign: csm, remind: 1 day before }\n",
    "PB313 8:49": "  - id: call\n    task: { title: Call, assign: csm, outcomes: [done, done] }\n",
    "PB313 8:49 expired": "  - id: call\n    task: { title: Call, assign: csm, outcomes: [expired] }\n",
    "PB322 8:44": "  - id: call\n    task: { title: Call, assign: csm, due: soon }\n",
    "PB405 8:29": "  - id: call\n    task: { title: 'Call {{ account.nme }}', assign: csm }\n",
    "PB314 7:11": "  - wait: {}\n",
    "PB322 7:11": "  - wait: a while\n",
    "PB323 7:19": "  - wait: { next: someday }\n",
    "PB207 7:20": "  - wait: { until: account.arr }\n",
    "PB315 7:15": "  - wait_for: { up_to: 3 days }\n",
    "PB323 7:24": "  - wait_for: { event: email.seen, of: mail, up_to: 3 days }\n",
    "PB315 7:15 of": "  - wait_for: { event: email.opened, up_to: 3 days }\n",
    "PB315 7:35": "  - wait_for: { event: login, of: call, up_to: 3 days }\n",
    "PB316 8:27": "  - id: note\n    set: { account.seats: many }\n",
    "PB318 8:26": "  - id: note\n    set: { account.tier: gold }\n",
    "PB323 8:26": "  - id: note\n    set: { account.nite: x }\n",
    "PB105 8:7": "  - parallel:\n      - - wait: 1 day\n",
    "PB202 7:9": "  - if: task.call.outcome == 'done'\n    then: []\n",
}


@pytest.mark.parametrize("problem", BAD)
def test_a_broken_step_names_code_line_and_column(problem: str):
    code, place = problem.split()[:2]
    problems = found(compiled(with_steps(BAD[problem])))
    assert problems == [f"{code} {place}"]


@pytest.mark.parametrize(
    ("to", "role", "mode"),
    [("champion", "champion", "first"), ("role:admin", "admin", "exact"), ("all admin", "admin", "all")],
)
def test_a_recipient_is_a_chain_a_role_or_all_of_it(to: str, role: str, mode: str):
    (step,) = steps(f"  - id: mail\n    email: {{ template: hello, to: '{to}' }}\n")
    assert isinstance(step, EmailStep)
    assert (step.to, step.mode, step.text) == (role, mode, TEXTS["hello"].hash)


@pytest.mark.parametrize("inside", ["{}", "[]", "", "x", "7", "true", "[{}]", "{ x: {} }", "{ to: [] }"])
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_step_of_which_nothing_or_nonsense_is_written_is_refused_at_its_place(kind: str, inside: str):
    problems = compiled(with_steps(f"  - id: x\n    {kind}: {inside}\n")).problems
    assert any(one.spot.line in (7, 8) for one in problems)


def test_a_wait_for_a_date_watches_the_date_so_that_it_follows():
    (step,) = steps(GOOD["wait for a date"])
    assert isinstance(step, WaitStep)
    assert step.reached is not None
    assert step.reached.text == "today >= (account.renewal_date - 60 days)"


def test_only_awaited_or_read_mail_events_are_listened_to():
    silent = compiled(with_steps(MAIL)).compiled
    waiting = compiled(with_steps(GOOD["wait_for a mail event"])).compiled
    reading = compiled(with_steps(MAIL + "  - if: email.mail.opened\n    then: []\n")).compiled
    assert silent is not None
    assert waiting is not None
    assert reading is not None
    assert (silent.plan.listens, waiting.plan.listens, reading.plan.listens) == (
        (),
        ("email.clicked",),
        ("email.opened",),
    )


def test_a_task_without_outcomes_is_done_or_expires():
    (step,) = steps(CALL)
    assert isinstance(step, TaskStep)
    assert (step.outcomes, step.give_up_after) == (("done",), "30 days")


BESIDE = {
    "if": "  - if: account.vip\n    then:\n{call}    else:\n{reads}",
    "switch": "  - switch:\n      - when: account.vip\n        then:\n{call}    default:\n{reads}",
    "parallel": "  - parallel:\n      -\n{call}      -\n{reads}",
    "split": "  - id: x\n    split:\n      - arm: a\n        weight: 1\n        steps:\n{call}"
    "      - arm: b\n        weight: 1\n        steps:\n{reads}",
    "wait_for": "  - wait_for: {{ event: login, up_to: 1 day }}\n    then:\n{call}    on_timeout:\n{reads}",
    "repeat": "  - repeat:\n      while: task.call.outcome == 'done'\n      at_most: 2\n      steps:\n{call}{wait}",
}


@pytest.mark.parametrize("kind", BESIDE)
def test_a_result_of_one_branch_is_not_there_in_another(kind: str):
    text = BESIDE[kind].format(
        call="          - id: call\n            task: { title: Call, assign: csm }\n",
        reads="          - if: task.call.outcome == 'done'\n            then: []\n",
        wait="          - wait: 1 day\n",
    )
    assert [problem.partition(" ")[0] for problem in found(compiled(with_steps(text)))] == ["PB362"]


def test_a_mail_of_another_branch_is_not_one_to_wait_for():
    text = "  - if: account.vip\n    then:\n      - id: mail\n        email: { template: hello, to: champion }\n"
    text += "    else:\n      - wait_for: { event: email.replied, of: mail, up_to: 2 days }\n"
    assert found(compiled(with_steps(text))) == ["PB307 12:47"]


WARNED = {
    "a fact": ("account.vip", "[]", True),
    "a fact that is asked for": ("account.vip is known and account.vip", "[]", False),
    "a fact with a default": ("coalesce(account.seats, 0) > 3", "[]", False),
    "a result that is there": ("task.call.outcome == 'done'", "[]", False),
    "a result of a branch": ("task.maybe.outcome == 'done'", "[]", True),
    "a fact beside a result": ("task.call.outcome == 'done' and account.vip", "[]", True),
    "what the audience needs": ("account.seats > 5", "[]", False),
}


@pytest.mark.parametrize("name", WARNED)
def test_a_condition_that_may_be_unknown_is_warned_of_unless_it_is_said_what_then(name: str):
    condition, then, warns = WARNED[name]
    text = (
        CALL + "  - if: account.seats > 2\n    then:\n      - id: maybe\n        task: { title: Maybe, assign: csm }\n"
    )
    text += f"  - if: {condition}\n    then: {then}\n"
    audience = (
        "title: Rescue\naudience: account.seats > 1\n" if name == "what the audience needs" else "title: Rescue\n"
    )
    source = with_steps(text).replace("title: Rescue\n", audience, 1)
    spots = [int(spot.partition(" ")[2].partition(":")[0]) for spot in warned(compiled(source))]
    line = source.count("\n") - 1
    assert (line in spots) is warns
    decided = compiled(source + "    on_unknown: []\n")
    assert line not in [problem.spot.line for problem in decided.problems]
    assert decided.compiled is not None


def test_what_happens_in_a_branch_can_be_read_after_it():
    text = "  - if: account.vip\n    then:\n      - id: call\n        task: { title: Call, assign: csm }\n"
    branch, choice = steps(text + "  - if: task.call.outcome is unknown\n    then: []\n")
    assert isinstance(branch, IfStep)
    assert isinstance(choice, IfStep)


def test_set_keeps_literals_and_expressions_apart():
    (step,) = steps(GOOD["set"])
    assert isinstance(step, SetStep)
    assert [(one.field, one.value, one.expression.text if one.expression else None) for one in step.assignments] == [
        ("account.note", "called", None),
        ("account.seats", None, "account.seats + 1"),
    ]


def test_an_awaited_event_has_a_limit():
    step = steps(GOOD["wait_for an event"])[0]
    assert isinstance(step, WaitForStep)
    assert (step.event, step.up_to) == ("login", "5 days")


def test_every_kind_has_a_document_a_value_and_a_walk_and_says_what_it_is_for():
    assert DOCUMENTS.keys() == KINDS.keys()
    for kind, model in KINDS.items():
        assert model.model_fields["kind"].default == kind
        assert model.walk is not Step.walk
        assert model.__doc__
        assert DOCUMENTS[kind].__doc__
    assert hasattr(Walk, "until")


@pytest.mark.parametrize(
    ("more", "warns"),
    [
        ("  - if: email.mail.opened\n    then: []\n", True),
        ("  - wait_for: { event: email.opened, of: mail, up_to: 1 day }\n", True),
        ("  - if: email.mail.opened and email.mail.clicked\n    then: []\n", False),
        ("  - if: email.mail.clicked\n    then: []\n", False),
        ("  - wait_for: { event: email.replied, of: mail, up_to: 1 day }\n", False),
    ],
)
def test_an_open_alone_shall_not_decide(more, warns):
    codes = {problem.code for problem in compiled(with_steps(MAIL + more)).problems}
    assert ("PB368" in codes) == warns
