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
from engine.walk import Walk
from tests.authoring import TEXTS, compiled, found, with_steps

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
