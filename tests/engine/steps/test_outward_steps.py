"""Steps that reach outward: what is refused when the playbook is checked, and how they go."""

from collections.abc import Mapping

import pytest

from engine.compile import Compilation, compile_playbook
from engine.documents.document import load_document
from engine.problems import DocumentError
from engine.scenarios.check import scenario_problems
from engine.scenarios.document import read_scenarios
from engine.scenarios.judge import run_scenario
from engine.texts.document import MailText
from engine.workspace import Workspace, load_workspace
from tests.authoring import FILES, with_steps

MORE = """
connectors:
  crm: { kind: webhook, url: "https://crm.example/", secret_env: CRM_SECRET }
  team: { kind: chat }
surveys: { at_most_every: 30 days }
"""
LOCALES = "locales: [en, de, de-AT]\n"
HELLO = MailText(subject="Hello", body="How are you?\n")
HALLO = MailText(subject="Hallo", body="Wie geht es?\n")


def workspace(more: str = MORE) -> Workspace:
    return load_workspace({**FILES, "tenure.yaml": FILES["tenure.yaml"] + more.encode()})


def compiled(steps: str, texts: Mapping[str, MailText] | None = None, more: str = MORE) -> Compilation:
    found = {"hello": HELLO} if texts is None else texts
    return compile_playbook(with_steps(steps).encode(), "playbook.yaml", "rescue", found, workspace(more))


def codes(compilation: Compilation) -> list[str]:
    return [f"{one.code} {one.spot.line}:{one.spot.column}" for one in compilation.problems]


@pytest.mark.parametrize(
    ("step", "problems"),
    [
        ("webhook: { to: crm }", []),
        ("webhook: { to: crn }", ["PB340 8:20"]),
        ("webhook: { to: team }", ["PB340 8:20"]),
        ('webhook: { to: crm, body: { x: "{{ account.nmae }}" } }', ["PB405 8:40"]),
        ("webhook: { to: crm, body: { x: { expr: account.seatss } } }", ["PB202 8:44"]),
        ("webhook: { to: crm, body: { x: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw } }", ["PB342 8:36"]),
        ("webhook: { to: crm, body: { x: [1] } }", ["PB103 8:36"]),
        ("webhook: { to: crm, returns: { status: number } }", ["PB341 8:44"]),
        ("webhook: { to: crm, returns: { x: date } }", ["PB104 8:39"]),
        ("notify: { to: csm, text: Hi }", []),
        ("notify: { to: channel team, text: Hi }", []),
        ("notify: { to: channel crm, text: Hi }", ["PB340 8:19"]),
        ("notify: { to: champion, text: Hi }", ["PB317 8:19"]),
        ('notify: { to: csm, text: "{{ account.nmae }}" }', ["PB405 8:34"]),
        ("notify: { to: csm }", ["PB102 8:13"]),
        ("survey: { kind: nps, to: champion, template: hello }", []),
        ("survey: { kind: nsp, to: champion, template: hello }", ["PB104 8:21"]),
        ("survey: { kind: nps, to: all champion, template: hello }", ["PB310 8:30"]),
        ("survey: { kind: nps, to: csm, template: helo }", ["PB321 8:45", "PB317 8:30"]),
        ("survey: { kind: nps, to: champion, template: hello, up_to: soon }", ["PB322 8:64"]),
        ("email: { template: hello, to: champion, review: csm, give_up_after: 3 days }", []),
        ("email: { template: hello, to: champion, give_up_after: 3 days }", ["PB343 8:60"]),
        ("email: { template: hello, to: all champion, review: csm }", ["PB310 8:35"]),
        ("email: { template: hello, to: champion, review: champion }", ["PB317 8:53"]),
        ("email: { template: hello }", ["PB102 8:12"]),
    ],
)  # fmt: skip
def test_what_cannot_go_out_is_said_at_its_place(step, problems):
    assert codes(compiled(f"  - id: x\n    {step}\n")) == problems


@pytest.mark.parametrize(
    ("texts", "problems"),
    [
        ({"hello": HELLO}, ["PB344 8:24", "PB344 8:24"]),
        ({"hello": HELLO, "hello.de": HALLO}, ["PB344 8:24"]),
        ({"hello": HELLO, "hello.de": HALLO, "hello.de-AT": HALLO}, []),
        ({"hello": HELLO, "hello.de": HALLO, "hello.de-AT": HALLO, "hello.fr": HALLO}, ["PB344 8:24"]),
    ],
)
def test_translations_that_are_missing_or_stray_are_warned_of(texts, problems):
    found = compiled("  - id: x\n    email: { template: hello, to: champion }\n", texts, MORE + LOCALES)
    assert codes(found) == problems
    assert all(one.severity == "warning" or "nobody gets" in one.message for one in found.problems)


def test_translations_are_part_of_the_plan():
    texts = {"hello": HELLO, "hello.de": HALLO}
    found = compiled("  - id: x\n    email: { template: hello, to: champion }\n", texts, MORE + "locales: [en, de]\n")
    assert found.compiled is not None
    assert found.compiled.plan.texts == (HELLO.hash, HALLO.hash)
    assert set(found.texts) == {HELLO.hash, HALLO.hash}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("connectors:\n  crm: { kind: webhok }\n", 'no "webhok" connectors'),
        ("connectors:\n  crm: { provider: smtp }\n", "which kind"),
        ("connectors:\n  crm: { kind: webhook, url: x, secret: abc }\n", "secret does not belong"),
        ('connectors:\n  crm: { kind: webhook, url: "https://kim:pw@x.example/" }\n', "secret does not belong"),
        ('connectors:\n  crm: { kind: webhook, url: "https://x.example/?token=1" }\n', "secret does not belong"),
        ("connectors:\n  crm: { kind: webhook, secret_env: whsec_abc }\n", "secret does not belong"),
        ('connectors:\n  c: { kind: chat, url: "https://hooks.slack.com/services/T/x" }\n', "secret does not belong"),
        ("locales: [english]\n", "not a language"),
        ("locales: [en, en]\n", "listed before"),
        ("surveys: { at_most_every: 3 months }\n", "depends on the date"),
        ("records:\n  seat: { labels: tags }\n", "only accounts have tags"),
    ],
)  # fmt: skip
def test_a_workspace_that_cannot_be_used_says_why(more, message):
    with pytest.raises(DocumentError, match=message):
        workspace(more)


def scenario(people: str, expect: str, until: int = 30) -> str:
    return f"""
scenarios:
  - name: outward
    contacts: {{ champion: true }}
    start: 2026-03-02
    days:
      0: {{ health.score: 80 }}
      1: {{ health.score: 20 }}
    people: {people}
    until: {until}
    expect: {expect}
"""


SURVEY = """  - id: nps
    survey: { kind: nps, to: champion, template: hello, up_to: 10 days }
  - if: survey.nps.outcome == "answered" and survey.nps.score is known and survey.nps.score >= 9
    then: [{ end: { reason: promoter } }]
  - if: survey.nps.outcome == "answered"
    then: [{ end: { reason: others } }]
  - end: { reason: silent }
"""
REVIEW = """  - id: hello
    email: { template: hello, to: champion, review: csm, give_up_after: 5 days }
  - switch:
      - when: email.hello.outcome == "sent"
        then: [{ end: { reason: sent } }]
      - when: email.hello.outcome == "dropped"
        then: [{ end: { reason: dropped } }]
    default: [{ end: { reason: others } }]
"""
HOOK = """  - id: crm
    webhook: { to: crm, body: { name: "{{ account.name }}", seats: { expr: account.seats } } }
    on_error:
      - id: sorry
        notify: { to: channel team, text: It was refused. }
  - if: webhook.crm.outcome == "delivered" and webhook.crm.status is known and webhook.crm.status == 202
    then: [{ end: { reason: taken } }]
  - end: { reason: others }
"""


NINE, SENT = "{ nps: { after: 2 days, score: 9 } }", "{ hello: { after: 2 days } }"


@pytest.mark.parametrize(
    ("steps", "people", "expect"),
    [
        (SURVEY, NINE, "[{ day: 1, survey: nps }, { day: 3, end: end, reason: promoter }]"),
        (SURVEY, "{ nps: { after: 2 days, score: 6 } }", "[{ day: 3, end: end, reason: others }]"),
        (SURVEY, "{}", "[{ day: 11, end: end, reason: silent }]"),
        (SURVEY, "{ nps: { outcome: skipped } }", "[{ day: 1, end: end, reason: silent }]"),
        (REVIEW, SENT, "[{ day: 1, draft: hello }, { day: 3, email: hello }, { day: 3, end: end, reason: sent }]"),
        (REVIEW, "{ hello: { after: 2 days, outcome: drop } }", "[{ day: 3, end: end, reason: dropped }]"),
        (REVIEW, "{}", "[{ day: 6, expire: hello }, { day: 6, end: end, reason: others }]"),
        (HOOK, "{ crm: { status: 202 } }", "[{ day: 1, webhook: crm }, { day: 1, end: end, reason: taken }]"),
        (HOOK, "{ crm: { outcome: unknown } }", "[{ day: 1, end: end, reason: others }]"),
        (HOOK, "{ crm: { status: 422 } }", "[{ day: 1, notify: sorry }, { day: 1, end: end, reason: others }]"),
    ],
)  # fmt: skip
def test_scenarios_say_what_people_and_programs_answer(steps, people, expect):
    made = compiled(steps)
    assert made.compiled is not None, made.problems
    document = load_document(scenario(people, expect), "scenarios.yaml")
    (one,) = read_scenarios(document)
    problems = [
        problem
        for problem in scenario_problems(document, [one], made.compiled, workspace())
        if "never" not in str(problem)
    ]
    assert problems == []
    assert run_scenario(one, made.compiled, workspace()).failures == ()


@pytest.mark.parametrize(
    ("steps", "people", "message"),
    [
        (SURVEY, "{ nps: { after: 2 days, score: 10 }, crm: { status: 200 } }", "no acting step"),
        (SURVEY, "{ nps: { after: 2 days } }", "`after` and `score`"),
        (SURVEY, "{ nps: { score: 9 } }", "`after` and `score`"),
        (SURVEY, "{ nps: { after: 2 days, score: 9, status: 200 } }", "no webhook"),
        (REVIEW, "{ hello: { after: 2 days, outcome: sned } }", "no outcome of hello"),
        (REVIEW, "{ hello: { after: 2 days, score: 3 } }", "no survey"),
        (SURVEY.replace("nps, to", "csat, to"), "{ nps: { after: 2 days, score: 9 } }", "not on the scale"),
    ],
)
def test_scenarios_that_say_what_cannot_be_are_told_so(steps, people, message):
    made = compiled(steps)
    assert made.compiled is not None, made.problems
    document = load_document(scenario(people, "[]"), "scenarios.yaml")
    problems = scenario_problems(document, read_scenarios(document), made.compiled, workspace())
    assert [message in str(problem) for problem in problems] == [True], problems


def test_nobody_is_asked_twice_within_the_time_of_the_workspace():
    steps = SURVEY.partition("  - if")[0]
    twice = steps + "  - wait: 5 days\n" + steps.replace("id: nps", "id: again")
    made = compiled(twice + "  - end: { reason: done }\n")
    assert made.compiled is not None, made.problems
    document = load_document(
        scenario("{ nps: { after: 1 day, score: 9 } }", "[{ day: 7, end: end, reason: done }]"), "scenarios.yaml"
    )
    (one,) = read_scenarios(document)
    assert run_scenario(one, made.compiled, workspace()).failures == ()
