"""`tenure health override`: what it says, keeps and refuses."""

import pytest

from tests.command_line import tenure
from tests.store.world import World, workspace

HEALTH = """
scorecard: health
components:
  - { id: mood, metric: nps, scale: { 0: 0, 100: 100 }, weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""


@pytest.fixture
def world(database, monkeypatch):
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    world = World(database)
    world.deploy(workspace(health=HEALTH))
    world.account("acme", name="Acme")
    world.metric("acme", "nps", 80.0)
    world.sweep()
    return world


def say(*how):
    return tenure("health", "override", *how)


def test_a_score_is_overridden_explained_and_given_back(world):
    how = ("--value", "40", "--reason", "the champion left", "--until", "2026-03-20", "--by", "olga")
    made = say("acme", *how, "--json")
    assert made.code == 0, made.err
    assert (made.json["card"], made.json["value"], made.json["author"]) == ("health", 40.0, "olga")
    assert made.json["until"] == "2026-03-19T23:00:00+00:00"  # midnight in the workspace's zone
    assert world.sweep().accounts == 1
    out = tenure("explain", "acme").out
    assert "health: 40, yellow" in out
    assert "overridden to 40 by olga, 2026-03-02" in out
    assert "UTC: the champion left" in out
    assert "would make it" not in out
    assert "is the card's own score again" in say("acme", "--end", "--by", "olga").err
    assert say("acme", "--end", "--json").json == {"ended": []}
    world.sweep()
    assert "health: 80, green" in tenure("explain", "acme").out
    audited = world.rows("select who, did, what, detail ->> 'reason' from audit order by id")
    assert audited == [
        ("olga", "score_overridden", "account acme", "the champion left"),
        ("olga", "override_ended", "account acme", "the champion left"),
    ]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (("acme", "--value", "40"), "needs --value, --reason and --until"),
        (("acme", "--value", "400", "--reason", "x", "--until", "2026-03-20"), "use a number from 0 to 100"),
        (("acme", "--value", "40", "--reason", "x", "--until", "2026-03-01"), "is over already"),
        (("acme", "--value", "40", "--reason", "x", "--until", "soon"), "is no date"),
        (("acme", "--value", "40", "--reason", "x", "--until", "2026-03-20", "--card", "helth"), 'mean "health"'),
        (("nobody", "--value", "40", "--reason", "x", "--until", "2026-03-20"), 'no account "nobody"'),
        (("acme", "--end", "--value", "0"), "--end takes no"),
        (("acme", "--end", "--card", "helth"), 'mean "health"'),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_changes_nothing(world, how, says):
    refused = say(*how)
    assert refused.code == 2
    assert says in refused.err
    assert world.rows("select count(*) from score_override") == [(0,)]
