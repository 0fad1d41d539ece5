"""Scenarios know contacts as people: who leaves, who follows, where they are, and whether they may be written to."""

from typing import Any

import pytest

from engine.project import read_project
from engine.scenarios.run import simulate_scenario
from engine.simulation import Simulation

TENURE = """\
name: Example
zone: Europe/Berlin
locales: [en, de]
sender: { name: Team, address: team@company.example }
postal_address: Street 1
roles:
  contacts: { champion: [champion, admin], admin: [admin], boss: [boss, any] }
  staff: { csm: account.csm }
connectors: { email: { provider: stored } }
surveys: { at_most_every: 90 days }
mail:
  window: { opens: "08:00", closes: "18:00", days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday] }
  caps: [{ per: contact, at_most: 1, within: 7 days }]
"""
PLAYBOOK = """\
playbook: rescue
title: Rescue
triggers: [{ becomes: 'not any(contact where roles contains "champion" and not do_not_contact)' }, { manual: true }]
steps:
"""
MAIL = b"---\nsubject: Hello\n---\nHello\n"
TO_CHAMPION = "  - { id: hello, email: { template: hello, to: champion } }\n"
BOTH = TO_CHAMPION + "  - { id: more, email: { template: hello, to: admin } }\n"


def played(steps: str, scenario: str) -> Simulation:
    """From 2026-03-02, started by hand on day 1 at nine unless the scenario says otherwise."""
    start = "" if "by_hand" in scenario else "    by_hand: [1]\n"
    files = {
        "tenure.yaml": TENURE,
        "rescue/playbook.yaml": PLAYBOOK + steps + "  - end: { reason: done }\n",
        "rescue/scenarios.yaml": f"scenarios:\n  - name: one\n    start: 2026-03-02\n    until: 30\n{start}{scenario}",
    }
    content = {path: text.encode() for path, text in files.items()}
    project = read_project(content | {"rescue/emails/hello.md": MAIL, "rescue/emails/hello.de.md": MAIL})
    assert not project.problems, project.problems
    compiled, workspace = project.playbooks["rescue"].compiled, project.workspace
    assert compiled is not None
    assert workspace is not None
    return simulate_scenario(project.scenarios["rescue"][0], [compiled], workspace)


def settled(simulation: Simulation) -> list[tuple[str, str, str]]:
    """By step, when a mail was settled, by the clock of UTC, and how."""
    return [(one.step, f"{one.at:%d %H:%M}", one.says) for one in simulation.happenings if one.what == "done"]


def started(simulation: Simulation) -> list[Any]:
    return [one.at.day for one in simulation.happenings if one.what == "start"]


def test_a_champion_who_leaves_starts_what_waits_for_it():
    scenario = "    contacts: { champion: true }\n    contact_changes: { 4: { champion: false } }\n    by_hand: []\n"
    found = played(TO_CHAMPION, scenario)
    assert started(found) == [5]
    assert settled(found) == [("hello", "05 23:00", "skipped: no contact is champion")]


def test_a_contact_who_is_not_to_be_contacted_counts_as_conditions_say():
    said = "    contact_changes: { 4: { champion: { do_not_contact: true } } }\n    by_hand: []\n"
    found = played(TO_CHAMPION, "    contacts: { champion: true }\n" + said)
    assert started(found) == [5]
    assert settled(found)[0][2] == "skipped: the contact does not want to be contacted"


@pytest.mark.parametrize(("zone", "at"), [("Europe/Berlin", "03 08:02"), ("America/New_York", "03 13:00")])
def test_the_window_is_read_by_the_clock_of_the_contact(zone, at):
    assert settled(played(TO_CHAMPION, f"    contacts: {{ champion: {{ zone: {zone} }} }}\n"))[0][1] == at


def test_a_person_with_two_roles_has_one_place_in_a_cap():
    alone = settled(played(BOTH, "    contacts: { champion: { also: [admin] } }\n"))
    assert [at for _, at, _ in alone] == ["03 08:02", "10 08:02"]
    two = settled(played(BOTH, "    contacts: { champion: true, admin: true }\n"))
    assert [at for _, at, _ in two] == ["03 08:02", "03 08:04"]


def test_who_has_no_address_is_named():
    found = played(TO_CHAMPION, "    contacts: { champion: { email: false } }\n")
    assert settled(found)[0][2] == "skipped: Ann champion has no mail address"


def test_a_mail_to_all_of_a_role_is_one_for_each_and_settled_when_all_are():
    steps = "  - { id: hello, email: { template: hello, to: all admin } }\n"
    people = "    contacts: { admin: true, champion: { also: [admin], zone: America/New_York } }\n"
    assert [at for _, at, _ in settled(played(steps, people))] == ["03 13:00"]
    left = "    consent: { 0: { champion: false } }\n"
    assert [says for _, _, says in settled(played(steps, people + left))] == ["sent"]
    nobody = "    consent: { 0: { champion: false, admin: { service: false } } }\n"
    (_, _, says), = settled(played(steps, people + nobody))  # fmt: skip
    assert says == "skipped: the contact has unsubscribed from Help with what you use"


def test_who_follows_is_somebody_else_whom_no_word_of_the_one_before_binds():
    turn = "    contact_changes: { 2: { champion: false }, 3: { champion: true } }\n    by_hand: [5]\n"
    left = "    contacts: { champion: true }\n    consent: { 0: { champion: false } }\n"
    same = "    contact_changes: { 3: { champion: { locale: de } } }\n    by_hand: [5]\n"
    assert settled(played(TO_CHAMPION, left + same))[-1][2].startswith("skipped")
    assert settled(played(TO_CHAMPION, left + turn))[-1][2] == "sent"


def test_a_survey_asks_a_person_once_whatever_their_role():
    steps = (
        "  - { id: one, survey: { kind: nps, to: champion, template: hello, up_to: 1 day } }\n"
        "  - { id: two, survey: { kind: nps, to: admin, template: hello, up_to: 1 day } }\n"
    )
    found = played(steps, "    contacts: { champion: { also: [admin] } }\n")
    assert ("two", "skipped: asked within 90 days already") in [(step, says) for step, _, says in settled(found)]


def test_what_cannot_be_said_of_contacts_is_named_at_its_place():
    scenario = """\
scenarios:
  - name: one
    start: 2026-03-02
    until: 30
    contacts: { champion: { also: [bos], zone: Mars } }
    contact_changes: { 40: { champion: false }, 2: { chmpion: true } }
    days: { 3: { contact.champion: false } }
"""
    files = {"tenure.yaml": TENURE, "rescue/playbook.yaml": PLAYBOOK + "  - end: { reason: x }\n"}
    content = {path: text.encode() for path, text in files.items()}

    def said(text: str) -> list[tuple[int, str]]:
        problems = read_project({**content, "rescue/scenarios.yaml": text.encode()}).problems
        return [(one.spot.line, one.hint) for one in problems if "scenarios" in one.spot.file]

    assert [line for line, _ in said(scenario)] == [5]  # its shape first
    assert said(scenario.replace("Mars", "Asia/Tokyo")) == [
        (5, 'did you mean "boss"?'),
        (6, "days count from 0 to 30"),
        (6, 'did you mean "champion"?'),
        (7, "contact_changes: { 3: { champion: false } }"),
    ]
