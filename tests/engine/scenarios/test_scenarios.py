import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.documents.document import load_document
from engine.mail.policy import Window
from engine.problems import DocumentError
from engine.scenarios.check import scenario_problems
from engine.scenarios.coverage import coverage
from engine.scenarios.document import ScenarioDocument, load_scenarios, read_scenarios
from engine.scenarios.judge import run_scenario
from tests.authoring import PLAYBOOK, authoring_workspace, compiled

GOOD = """\
scenarios:
  - name: a fall is answered
    account: { segment: enterprise, renewal_date: 2026-09-01, vip: true }
    contacts: { champion: true }
    start: 2026-03-02
    days:
      0: { health.score: 80 }
      3: { health.score: 20 }
    events:
      2: [ { type: login } ]
    people:
      call: { after: 1 day, outcome: reached }
      mail: { opened: 2 hours }
    until: 12
    expect:
      - { day: 3, start: true, because: health fell below 40 }
      - { day: 3, task: call }
      - { day: 4, email: mail }
      - { day: 11, end: end }
"""


def problems(source: str) -> list[str]:
    """As `CODE line:column`."""
    version = compiled(PLAYBOOK).compiled
    assert version is not None
    document = load_document(source, "scenarios.yaml")
    try:
        found = scenario_problems(document, read_scenarios(document), version, authoring_workspace())
    except DocumentError as error:
        found = error.problems
    return [f"{one.code} {one.spot.line}:{one.spot.column}" for one in found]


def run(source: str, playbook: str = PLAYBOOK) -> tuple[str, ...]:
    """The failures of its first scenario."""
    assert problems(source) == []
    version = compiled(playbook).compiled
    assert version is not None
    return run_scenario(load_scenarios(source.encode(), "scenarios.yaml")[0], version, authoring_workspace()).failures


def test_what_happens_as_expected_is_no_failure():
    assert run(GOOD) == ()


@pytest.mark.parametrize(
    ("before", "after", "failure"),
    [
        ("day: 3, task: call", "day: 4, task: call", "day 4: task call happened on day 3"),
        ("health fell below 40", "a whim", 'day 3: start: it says "health fell below 40", not "a whim"'),
        ("{ day: 11, end: end }", "{ day: 11, end: goal }", "day 11: end goal: it ends by end, not by goal"),
        ("until: 12\n", "until: 12\n    never: [ mail ]\n", "day 4: email mail must never happen"),
        ("      3: { health.score: 20 }\n", "", "day 3: start was expected"),
    ],
)
def test_what_happens_otherwise_is_told_with_what_was_found(before: str, after: str, failure: str):
    assert any(failure in one for one in run(GOOD.replace(before, after)))


EXACT = GOOD.replace("until: 12", "until: 12\n    exactly: true")


def test_expectations_are_a_part_of_what_happens_unless_they_are_exact():
    fewer = GOOD.replace("      - { day: 4, email: mail }\n", "")
    assert run(fewer) == ()
    assert run(EXACT) == ()
    assert run(fewer.replace("until: 12", "until: 12\n    exactly: true")) == ("day 4: email mail was not expected",)


@pytest.mark.parametrize(
    "expected",
    [
        "{ day: 4, done: call, outcome: reached }",
        "{ day: 4, done: mail, outcome: sent }",
        "{ day: 4, wait: 7 days, until: 11 }",
    ],
)
def test_answers_and_waits_can_be_expected(expected: str):
    assert run(GOOD + f"      - {expected}\n") == ()
    assert run(GOOD + f"      - {expected.replace('day: 4', 'day: 5')}\n") != ()


def test_the_outcome_and_the_end_of_a_wait_are_compared():
    assert run(GOOD + "      - { day: 4, done: call, outcome: lost }\n") == (
        'day 4: done call: lost: it says "reached", not "lost"',
    )
    assert run(GOOD + "      - { day: 4, wait: 7 days, until: 12 }\n") == (
        "day 4: wait 7 days until day 12: it waits until day 11, not 12",
    )


def lines(source: str) -> list[tuple[str, int, str, str]]:
    version = compiled(PLAYBOOK).compiled
    assert version is not None
    result = run_scenario(load_scenarios(source.encode(), "scenarios.yaml")[0], version, authoring_workspace())
    return [(row.mark, row.day, row.expected, row.happened) for row in result.rows]


def test_expected_and_happened_stand_side_by_side_by_day():
    assert lines(GOOD.replace("day: 4, email", "day: 6, email")) == [
        ("same", 3, "start", "start"),
        ("same", 3, "task call", "task call"),
        ("beside", 4, "", "done call"),
        ("beside", 4, "", "done mail"),
        ("beside", 4, "", "decided"),
        ("beside", 4, "", "wait 7 days"),
        ("different", 6, "email mail", "day 4: email mail"),
        ("same", 11, "end end", "end end"),
    ]


OFFER = (
    GOOD.replace("day: 4, email: mail }", "day: 4, done: mail, outcome: OUTCOME }")
    .replace("    start: 2026-03-02\n", "    start: 2026-03-02\n    consent: CONSENT\n")
    .replace("      mail: { opened: 2 hours }\n", "")
)


@pytest.mark.parametrize(
    ("consent", "outcome"),
    [
        ("{}", "skipped: the contact has not asked for Offers"),
        ("{ 0: { champion: { service: true } } }", "skipped: the contact has not asked for Offers"),
        ("{ 0: { champion: { offers: true } } }", "sent"),
        ("{ 4: { champion: { offers: true } } }", "sent"),
        ("{ 5: { champion: { offers: true } } }", "skipped: the contact has not asked for Offers"),
        (
            "{ 0: { champion: { offers: true } }, 2: { champion: { offers: false } } }",
            "skipped: the contact has unsubscribed from Offers",
        ),
        (
            "{ 0: { champion: { offers: true } }, 2: { champion: false } }",
            "skipped: the contact has unsubscribed from all mail",
        ),
        ("{ 0: { champion: false }, 2: { champion: { offers: true } } }", "sent"),
    ],
)
def test_a_scenario_says_which_mails_a_contact_wants(consent: str, outcome: str):
    source = OFFER.replace("CONSENT", consent).replace("OUTCOME", f'"{outcome}"')
    assert run(source, PLAYBOOK.replace("template: hello", "template: offer")) == ()


def test_who_takes_consent_back_stops_what_is_queued():
    workspace = authoring_workspace()
    windows = workspace.model_copy(
        update={"mail": workspace.mail.model_copy(update={"window": Window(opens="08:00", closes="18:00")})}
    )
    source = OFFER.replace("CONSENT", "{ 0: { champion: { offers: true } }, 5: { champion: { offers: false } } }")
    # Written on the evening of day 4, and due on the next morning.
    source = source.replace("after: 1 day,", "after: 44 hours,").replace(
        "day: 4, done: mail, outcome: OUTCOME", "day: 5, done: mail"
    )
    version = compiled(PLAYBOOK.replace("template: hello", "template: offer")).compiled
    assert version is not None
    result = run_scenario(load_scenarios(source.encode(), "scenarios.yaml")[0], version, windows)
    settled = next(one.one for one in result.happened if one.one.what == "done" and one.one.step == "mail")
    assert (settled.says, settled.at.isoformat()) == (
        "skipped: the contact has unsubscribed from Offers",
        "2026-03-06T23:00:00+00:00",
    )


def test_one_happening_answers_one_expectation():
    assert run(GOOD + "      - { day: 3, task: call }\n") == ("day 3: task call was expected",)


def test_coverage_names_what_no_scenario_walks():
    version = compiled(PLAYBOOK).compiled
    assert version is not None
    result = run_scenario(load_scenarios(GOOD.encode(), "scenarios.yaml")[0], version, authoring_workspace())
    found = coverage(version, [result.simulation])
    assert [(part.part, part.path) for part in found.missing] == [("branch", "steps[2].else")]
    assert [(part.part, part.path) for part in found.parts if part.times] == [
        ("trigger", "triggers[0]"),
        ("step", "steps[0]"),
        ("step", "steps[1]"),
        ("step", "steps[2]"),
        ("branch", "steps[2].then"),
        ("step", "steps[2].then[0]"),
    ]


def consenting(said: str) -> str:
    return GOOD.replace("    days:\n", f"    consent: {{ {said} }}\n    days:\n")


BAD = {
    "PB330 16:9": GOOD.replace("{ day: 3, start: true, because: health fell below 40 }", "{ day: 3 }"),
    "PB331 3:16": GOOD.replace("segment:", "segmint:"),
    "PB331 3:25": GOOD.replace("segment: enterprise", "segment: tiny"),
    "PB331 3:51": GOOD.replace("renewal_date: 2026-09-01", "renewal_date: soon"),
    "PB331 3:68": GOOD.replace("vip: true", "vip: very"),
    "PB331 4:17": GOOD.replace("champion: true", "chmpion: true"),
    "PB331 5:12": GOOD.replace("start: 2026", "start: 9999"),
    "PB331 7:7": GOOD.replace("      0: {", "      monday: {"),
    "PB331 8:7": GOOD.replace("      3: {", "      30: {"),
    "PB331 8:26": GOOD.replace("health.score: 20 }", "health.score: low }"),
    "PB331 10:20": GOOD.replace("type: login", "type: logon"),
    "PB331 10:36": GOOD.replace("type: login", "type: login, props: { devise: phone }"),
    "PB331 6:16": consenting("30: { champion: false }"),
    "PB331 6:21": consenting("3: { chmpion: false }"),
    "PB331 6:21 there is none": consenting("3: { admin: false }"),
    "PB331 6:31": consenting("3: { champion: true }"),
    "PB331 6:33": consenting("3: { champion: { ofers: true } }"),
    "PB331 20:25": GOOD + "      - { day: 4, came: nothing }\n",
    "PB331 20:25 wait": GOOD + "      - { day: 4, wait: a month }\n",
    "PB331 20:40": GOOD + "      - { day: 4, done: call, outcome: rached }\n",
    "PB331 20:40 misplaced": GOOD + "      - { day: 4, task: call, outcome: reached }\n",
    "PB331 12:7": GOOD.replace("call: { after", "cll: { after"),
    "PB331 12:22": GOOD.replace("after: 1 day,", "after: 1 moon,"),
    "PB331 12:22 month": GOOD.replace("after: 1 day,", "after: 1 month,"),
    "PB331 12:38": GOOD.replace("outcome: reached", "outcome: rached"),
    "PB331 17:25": GOOD.replace("task: call }", "task: coll }"),
    "PB331 19:16": GOOD.replace("{ day: 11", "{ day: 13"),
    "PB101 2:5": GOOD.replace("  - name:", "  - nmae: x\n    name:"),
    "PB105 14:12": GOOD.replace("until: 12", "until: 0"),
}


@pytest.mark.parametrize("problem", BAD)
def test_what_cannot_be_run_is_told_before_it_is_run(problem: str):
    assert " ".join(problem.split()[:2]) in problems(BAD[problem])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_problems_and_never_another_exception(content: bytes):
    with pytest.raises(DocumentError):
        load_scenarios(content, "scenarios.yaml")


def test_every_key_of_an_expectation_has_a_meaning():
    one = load_scenarios(GOOD.encode(), "scenarios.yaml")[0]
    assert isinstance(one, ScenarioDocument)
    assert [expected.what() for expected in one.expect] == [
        ("start", ""),
        ("task", "call"),
        ("email", "mail"),
        ("end", "end"),
    ]
