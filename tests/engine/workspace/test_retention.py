import pytest

from engine.compile import compile_playbook
from engine.problems import DocumentError
from engine.workspace import load_workspace

TEXT = """
name: W
events: {{ usage: {{ n: number }} }}
records: {{ ticket: {{ csat: number }} }}
metrics: {{ nps: number, made: "{made}" }}
retention: {{ {kept} }}
"""
PLAYBOOK = """
playbook: rescue
title: Rescue
owner: ops@example.test
triggers: [{trigger}]
steps: [{{ wait: 3 days }}]
"""


def workspace(made="nps + 1", kept="events: 30 days, history: 20 days"):
    return load_workspace({"tenure.yaml": TEXT.format(made=made.replace("nps", "metric.nps"), kept=kept).encode()})


def problems(trigger, **said):
    source = PLAYBOOK.format(trigger=trigger).encode()
    return [one.code for one in compile_playbook(source, "p.yaml", "rescue", {}, workspace(**said)).problems]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("count(event.usage, 31 days)", "count looks 31 days back, and events are kept for 30 days"),
        ("sum(event.usage.n, 5 weeks)", "sum looks 5 weeks back"),
        ("last(event.usage.n)", "last looks at all there ever was"),
        ("highest(nps, 21 days)", "highest looks 21 days back, and history is kept for 20 days"),
        ("trend(nps, 500 hours)", "trend looks 500 hours back"),
    ],
)
def test_a_look_further_back_than_is_kept_is_refused(made, words):
    with pytest.raises(DocumentError) as error:
        workspace(made)
    (problem,) = error.value.problems
    assert (problem.code, words in problem.message) == ("PB212", True), problem.message
    assert problem.hint == "look less far back, or keep more: retention in tenure.yaml"
    workspace(made, "score_days: 2 days")


@pytest.mark.parametrize(
    "made", ["count(event.usage, 30 days)", "highest(nps, 20 days)", "count(ticket)", "avg(ticket.csat, 90 days)"]
)
def test_within_what_is_kept_it_may_look_and_records_in_force_are_kept_for_ever(made):
    workspace(made)


@pytest.mark.parametrize(
    ("trigger", "codes"),
    [
        ("{ metric: nps, drops_by: 3, within: 14 days }", []),
        ("{ metric: nps, drops_by: 3, within: 21 days }", ["PB212"]),
        ("{ becomes: 'count(event.usage, 31 days) > 3' }", ["PB212"]),
    ],
)
def test_playbooks_are_held_to_it_too(trigger, codes):
    assert problems(trigger) == codes
