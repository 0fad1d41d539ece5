"""Roll-ups as cards say them, and what is refused; what they come to for a parent in the simulator."""

from datetime import UTC, datetime

import pytest

from engine.health.rollups import Rollup, rolled_up
from engine.problems import DocumentError
from engine.simulation.account import Account
from engine.workspace import load_workspace

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CARD = """
scorecard: health
{head}
components:
  - {{ id: nps, metric: nps, scale: {{ 0: 0, 100: 100 }}, weight: 1 }}
{more}
bands: {{ red: 0..<40, yellow: 40..<70, green: 70..100 }}
"""
CHILDREN = "  - { id: children, expr: health.children, scale: { 0: 0, 100: 100 }, weight: 1 }"


def load(*cards):
    files = {"tenure.yaml": b"name: W\nmetrics: { nps: number }\n"}
    return load_workspace(files | {f"scorecards/{n}.yaml": text.encode() for n, text in enumerate(cards)})


def card(head, more=""):
    return CARD.format(head=head, more=more)


@pytest.mark.parametrize(
    ("said", "meant"), [("worst", Rollup()), ("{ by: account.arr }", Rollup(by="account.arr"))], ids=str
)
def test_a_card_says_how_children_count_for_their_parent(said, meant):
    workspace = load(card(f"rollup: {said}"))
    assert workspace.scorecards[0].rollup == meant
    assert workspace.catalogue().fields["health.children"].type == "number"
    assert "health.children" in {field.name for field in workspace.told()}
    assert type(workspace).from_json(workspace.to_json()) == workspace


def test_without_a_roll_up_there_is_no_such_field():
    assert "health.children" not in load(card("")).catalogue().fields


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("best", "worst"),
        ("{ by: 3 }", "worst"),
        ("{ over: account.arr }", "worst"),
        ("{ by: account.ar }", "account.arr"),
        ("{ by: account.name }", "text"),
    ],
)
def test_what_is_no_way_to_roll_up_is_refused_at_its_place(said, words):
    with pytest.raises(DocumentError) as error:
        load(card(f"rollup: {said}"))
    (problem,) = error.value.problems
    assert problem.code == "PB503"
    assert problem.spot.line == 3
    assert words in f"{problem.message} {problem.hint}"


def test_cards_of_one_name_roll_up_alike():
    segmented = card('applies_to: account.segment == "large"\nrollup: worst')
    with pytest.raises(DocumentError) as error:
        load(segmented, card("rollup: { by: account.arr }"))
    (problem,) = error.value.problems
    assert problem.code == "PB504"
    assert "scorecards/0.yaml" in problem.message


@pytest.mark.parametrize(
    ("by", "children", "expected"),
    [
        (None, [], None),
        (None, [(None, 1.0)], None),
        (None, [(70.0, None), (30.0, 0.0)], 30.0),
        ("account.arr", [(70.0, 3.0), (30.0, 1.0)], 60.0),
        ("account.arr", [(70.0, None), (30.0, 1.0)], 30.0),
        ("account.arr", [(70.0, 0.0), (30.0, -1.0)], None),
        ("account.arr", [(0.1, 1.0), (0.2, 1.0)], 0.2),
    ],
)
def test_unknown_scores_and_weights_count_for_nothing(by, children, expected):
    assert rolled_up(Rollup(by=by), children) == expected


def test_a_parent_is_simulated_with_what_its_children_are_said_to_come_to():
    account = Account(load(card("rollup: worst", CHILDREN)), ())
    account.learn({"metric.nps": 90.0, "health.children": 20.0})
    account.look(NOW)
    assert (account.field("health.score"), account.field("health.band")) == (55.0, "yellow")
