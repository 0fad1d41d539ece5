"""What cannot start anybody, or cannot be meant, is said when a playbook is checked: where, and what to do."""

import pytest

from engine.compile import compile_playbook
from engine.workspace import load_workspace

WORKSPACE = b"""
name: Checks
fields: { account.vip: bool }
metrics: { nps: number }
events: { login: { n: number, kind: text }, raw: }
records: { sub: { arr: number } }
"""
CARD = b"""
scorecard: health
components: [{ id: nps, metric: nps, scale: { 0: 0, 100: 100 }, weight: 1 }]
bands: { red: 0..<50, green: 50..100 }
"""


def problems(triggers: str, rest: str = "") -> list[str]:
    workspace = load_workspace({"tenure.yaml": WORKSPACE, "scorecards/health.yaml": CARD})
    source = f"playbook: p\ntitle: p\ntriggers:\n  - {triggers}\n{rest}\nsteps:\n  - wait: 1 hour\n"
    found = compile_playbook(source.encode(), "p.yaml", "p", {}, workspace)
    return [f"{one.code} {one.spot.line}:{one.spot.column} {one.message} {one.hint}" for one in found.problems]


TRIGGERS = {
    "score: health\n    falls_below: 0": "PB304 5:18 falls_below 0 can never be reached by health",
    "score: health\n    rises_above: 100": "PB304 5:18 rises_above 100 can never be reached",
    "score: health\n    falls_below: 120": "PB304 5:18 falls_below 120 can never be reached",
    "score: health\n    drops_by: 101\n    within: 7 days": "PB304 5:15 drops_by 101 can never be reached",
    "score: health\n    falls_below: 50\n    rearm_at: 40": "PB303 6:15 rearm_at 40 is on the wrong side",
    "metric: nps\n    rises_above: 50\n    rearm_at: 60": "PB303 6:15 rearm_at 60 is on the wrong side",
    "score: health\n    enters: yellow": 'PB323 5:13 there is no band "yellow"',
    "schedule: sometimes": "PB326 4:15 'sometimes' is not a schedule",
    "schedule: every 90 days": "PB326 4:15 from where is it counted?",
    "schedule: every 3 hours from account.signup_date": "PB326 4:15 a schedule cannot run every 3 hours",
    "schedule: every 5 business days from account.signup_date": "PB326 4:15 a schedule cannot run every 5 business",
    "schedule: every 0 days from account.signup_date": "PB326 4:15 a schedule cannot run every 0 days",
    "schedule: every moon from account.signup_date": "PB322 4:15",
    "schedule: every week from 2026-02-30": "PB326 4:15 2026-02-30 is not a date",
    "schedule: every week from account.singup_date": 'PB323 4:15 there is no date field "account.singup_date"',
    "schedule: every week from account.arr": "PB326 4:15 account.arr is a number, not a date",
    'schedule: { cron: "0 9 30 2 *" }': 'PB326 4:23 "0 9 30 2 *" never comes',
    'schedule: { cron: "0 9 * * mon", zone: Europe/Berln }': 'PB326 4:44 "Europe/Berln" is not a time zone',
    'schedule: { cron: "0 9 * * mon" }\n    grace: soon': "PB322 5:12",
    "schedule: { corn: x }": "PB10",
    "event: logn": 'PB323 4:12 there is no event "logn" did you mean "login"?',
    "event: login\n    where: m > 3": 'PB209 5:12 event.login has no prop "m"',
    "event: login\n    where: kind > 3": "PB204 5:19",
    "event: login\n    where: count(sub) > 1": "PB208 5:12 an aggregate cannot stand inside another",
    "event: login\n    settle: a while": "PB322 5:13",
    "event: login\n    settle: 5 minutes\n    for: 3 days": "PB101",
    "becomes: count(event.login where) > 1": "PB201",
    "becomes: any(event.login)": "PB208 4:14 any asks a condition of rows",
    "becomes: any(contact where n > 1)": 'PB209 4:32 contact has no prop "n"',
    "becomes: any(contact where roles == 'champion')": "PB204 4:32 a contact may have several roles",
    "becomes: any(contact where email is known, 3 days)": "PB210 4:48 contacts have no moment",
    "becomes: last(contact.email) is known": "PB208 4:14 last makes no sense of contacts",
    "becomes: trend(metric.nps) < 1": "PB211 4:14 trend takes a field and a window",
    "becomes: trend(metric.nps, 2 months) < 1": "PB210 4:32 a window is an amount of",
    "becomes: trend(account.name, 3 days) < 1": "PB204 4:20",
}
ENTRIES = {
    "entry: { holdout: 60% }": "PB325 5:19",
    "entry: { holdout: some }": "PB325 5:19",
    "entry: { already_running: queue, held: drop }": "PB325 5:40 a crossing that queues is held",
    "entry: { already_running: often }": "PB104",
    "pause: sometimes": "PB104",
}


@pytest.mark.parametrize(("trigger", "says"), TRIGGERS.items())
def test_a_trigger_that_cannot_be_meant_is_refused(trigger: str, says: str):
    found = problems(trigger)
    assert any(one.startswith(says) for one in found), found


@pytest.mark.parametrize(("entry", "says"), ENTRIES.items())
def test_an_entry_that_cannot_be_meant_is_refused(entry: str, says: str):
    found = problems("manual: true", entry)
    assert any(one.startswith(says) for one in found), found


@pytest.mark.parametrize(
    "trigger",
    [
        "schedule: every quarter from account.signup_date",
        "schedule: every 90 days from 2026-01-05",
        "schedule: Every month from account.signup_date",
        'schedule: { cron: "0 9 * * mon-fri", zone: Europe/Berlin }\n    grace: 2 hours',
        'event: login\n    where: n >= 3 and kind == "export" and account.arr > 1000\n    settle: 5 minutes',
        "event: raw\n    where: anything == 'x'",
        "becomes: count(event.login where n > 2, 14 days) >= 3",
        "becomes: all(contact where email is known) and any(contact where roles contains 'champion')",
        "becomes: sum(sub.arr where active) > 100 and trend(health.score, 30 days) < 0",
    ],
)
def test_what_can_be_meant_compiles(trigger: str):
    assert problems(trigger) == []


def test_rows_are_asked_about_facts_and_not_about_results_of_the_run():
    steps = (
        "steps:\n  - { id: call, task: { title: Call, assign: csm } }\n"
        "  - if: count(event.login where kind == task.call.outcome) > 1\n    then: []\n"
    )
    source = "playbook: p\ntitle: p\ntriggers: [{ manual: true }]\n" + steps
    workspace = load_workspace({"tenure.yaml": WORKSPACE, "scorecards/health.yaml": CARD})
    found = compile_playbook(source.encode(), "p.yaml", "p", {}, workspace).problems
    assert [one.code for one in found if one.severity == "error"] == ["PB319"]
