"""What checking must catch before anything runs, each with its code at its line and column."""

import pytest

from tests.problem_pages import Block, found_in

CALL = "  - id: call\n    task: { title: Call, assign: csm, outcomes: [reached, lost] }\n"
WELCOME = "playbook: welcome\ntitle: Welcome\ntriggers: [{ manual: true }]\nsteps:\n"


def mail(body: str) -> list[Block]:
    return [Block(file="emails/hello.md", text=f"---\nsubject: Hello\n---\n{body}\n")]


def playbook(text: str) -> list[Block]:
    return [Block(file="playbook.yaml", text=text)]


def steps(text: str) -> list[Block]:
    return playbook(f"steps:\n{text}")


CATCHES: dict[str, tuple[list[Block], str, int, int]] = {
    "an unknown key": (playbook("prioriti: 5\n"), "PB101", 1, 1),
    "an unknown key of a step": (steps("  - id: x\n    task: { titel: Call, assign: csm }\n"), "PB101", 3, 13),
    "a key twice": (playbook("title: A\ntitle: B\n"), "PB002", 2, 1),
    "an unknown field": (playbook("audience: account.seets > 3\n"), "PB202", 1, 11),
    "an unknown field in a folded text": (
        playbook("audience: >-\n  account.seats > 3\n  and account.seets > 4\n"),
        "PB202",
        3,
        7,
    ),
    "an unknown field in a mail": (mail("Hello\n\nyou, {{ account.nmae }}"), "PB405", 6, 9),
    "an unknown template": (steps("  - id: x\n    email: { template: helo, to: champion }\n"), "PB321", 3, 24),
    "an unknown role": (steps("  - id: x\n    email: { template: hello, to: champio }\n"), "PB317", 3, 35),
    "a mail without a recipient": (steps("  - id: x\n    email: { template: hello }\n"), "PB102", 3, 12),
    "a wrong type": (playbook('audience: account.seats == "many"\n'), "PB204", 1, 28),
    "a wrong type of a value": (playbook("priority: high\n"), "PB103", 1, 11),
    "an unreachable step": (steps("  - end: { reason: x }\n  - wait: 1 day\n"), "PB308", 3, 5),
    "an unreachable step in a branch": (
        steps(
            '  - if: account.segment == "enterprise"\n    then:\n      - end: { reason: x }\n'
            "      - wait: 1 day\n    on_unknown: []\n"
        ),
        "PB308",
        5,
        9,
    ),
    "an id twice": (steps(CALL + CALL), "PB306", 4, 9),
    "a result before its step": (steps('  - if: task.call.outcome == "lost"\n    then: []\n' + CALL), "PB362", 2, 9),
    "a result of a step that does not exist": (
        steps('  - if: task.cal.outcome == "lost"\n    then: []\n'),
        "PB202",
        2,
        9,
    ),
    "a line outside of the score": (playbook("triggers:\n  - score: health\n    falls_below: 120\n"), "PB304", 3, 18),
    "a line of re-arming on the wrong side": (
        playbook("triggers:\n  - score: health\n    falls_below: 40\n    rearm_at: 30\n"),
        "PB303",
        4,
        15,
    ),
    "a wait that is over before it begins": (steps("  - wait: 0 days\n"), "PB363", 2, 11),
    "a wait for a date that has passed for ever": (steps("  - wait: { until: today - 3 days }\n"), "PB363", 2, 20),
    "a loop without a limit": (
        steps("  - repeat:\n      until: health.score > 60\n      steps:\n        - wait: 1 day\n"),
        "PB102",
        3,
        7,
    ),
    "playbooks that start each other": (
        [
            *playbook("triggers: [{ manual: true }]\nsteps:\n  - { id: a, enroll: { playbook: welcome } }\n"),
            Block(file="welcome/playbook.yaml", text=WELCOME + "  - { id: b, enroll: { playbook: rescue } }\n"),
        ],
        "PB367",
        3,
        34,
    ),
    "a missing translation": ([Block(file="tenure.yaml", text="locales: [en, de]\n")], "PB344", 8, 24),
    "a translation of another topic": (
        [
            Block(file="tenure.yaml", text="locales: [en, de]\nmail: { topics: { tips: { title: Tips } } }\n"),
            Block(file="emails/hello.de.md", text="---\nsubject: Hallo\ntopic: tips\n---\nWie geht es?\n"),
        ],
        "PB345",
        3,
        8,
    ),
    "an error of Jinja at its own line": (mail("Hello\n\n{% if account.name %}\nyou"), "PB404", 7, 1),
    "a date that is none": (playbook("audience: account.last_qbr > 2026-02-30\n"), "PB201", 1, 30),
    "a date trigger on what is no date": (playbook("triggers:\n  - date: account.segment - 3 days\n"), "PB305", 2, 11),
    "a date to write that is none": (steps("  - id: x\n    set: { account.last_qbr: soon }\n"), "PB316", 3, 30),
    "a word to write that is no option": (steps("  - id: x\n    set: { account.segment: gold }\n"), "PB205", 3, 29),
    "a condition that is always true": (steps("  - if: 1 < 2\n    then: [{ wait: 1 day }]\n"), "PB361", 2, 9),
    "a key without a value": (playbook("audience:\n"), "PB103", 1, 1),
}


@pytest.mark.parametrize("name", CATCHES)
def test_it_is_caught_at_its_place(name: str):
    blocks, code, line, column = CATCHES[name]
    problems, _ = found_in(blocks)
    assert (code, line, column) in [(one.code, one.spot.line, one.spot.column) for one in problems], problems
    assert [one for one in problems if not one.hint and one.code != "PB103"] == []


def test_an_unknown_key_does_not_hide_what_else_is_wrong_with_the_file():
    text = "prioriti: 5\naudience: account.seets > 3\nsteps:\n  - id: x\n    task: { titel: Call, assign: cms }\n"
    problems, _ = found_in(playbook(text))
    assert {(one.code, one.spot.line) for one in problems} == {("PB101", 1), ("PB202", 2), ("PB101", 5), ("PB317", 5)}
