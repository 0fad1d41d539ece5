"""A person's word on a score: it is the score until it ends, starts what a fall starts, and is never mistaken."""

from datetime import timedelta

import pytest

from store import clock
from store.current.overrides import LONGEST, NotOverridden, end_override, override, overrides_of
from store.explain import explain
from store.inbox.accounts import account_id_of
from tests.store.world import DAY, World, workspace

HEALTH = """
scorecard: health
components:
  - { id: nps, metric: nps, scale: { 0: 0, 100: 100 }, weight: 60 }
  - { id: usage, metric: usage, scale: { 0: 0, 100: 100 }, weight: 40 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""
FALLS = """
triggers:
  - { score: health, falls_below: 60, rearm_at: 68 }
"""


@pytest.fixture
def world(database):
    world = World(database)
    world.deploy(workspace(health=HEALTH), risk=FALLS)
    for key in ("acme", "birch"):
        world.account(key, name=key.title())
        world.metric(key, "nps", 80.0)
        world.metric(key, "usage", 80.0)
    world.sweep()
    return world


def put(world, value=40.0, days=7.0, key="acme", by="kim", **more):
    with world.tx() as conn:
        now = clock.now(conn)
        return override(conn, id_of(conn, key), value, "their champion left", now + days * DAY, by, now, **more)


def end(world, key="acme", **more):
    with world.tx() as conn:
        return end_override(conn, id_of(conn, key), "olga", clock.now(conn), **more)


def id_of(conn, key):
    found = account_id_of(conn, key)
    assert found is not None
    return found


def score(world, key="acme"):
    return world.rows(
        """select "health.score", "health.band" from account_now join account on account.id = account_id
        where key = :key""",
        key=key,
    )[0]


def history(world, key="acme"):
    """Values with whether a person set them, in order."""
    of = "from score s join account a on a.id = s.account_id where a.key = :key order by s.id"
    return [tuple(row) for row in world.rows(f"select s.value, s.override_id is not null {of}", key=key)]


def test_an_override_is_the_score_until_its_time_is_over(world):
    put(world, days=3)
    world.sweep()
    assert score(world) == (40.0, "yellow")
    assert score(world, "birch") == (80.0, "green"), "nobody else's"
    world.day()
    assert score(world) == (40.0, "yellow")
    world.pass_time(2 * DAY)
    assert world.sweep().accounts == 1, "its end alone brings the account into work"
    assert score(world) == (80.0, "green")
    assert history(world) == [(80.0, False), (40.0, True), (80.0, False)]


def test_its_last_instant_is_the_first_without_it(world):
    made = put(world, days=3)
    with world.tx() as conn:
        account_id = id_of(conn, "acme")
        assert list(overrides_of(conn, account_id, made.until - timedelta(microseconds=1))) == ["health"]
        assert overrides_of(conn, account_id, made.until) == {}
        assert list(overrides_of(conn, account_id, made.since)) == ["health"]
        assert overrides_of(conn, account_id, made.since - timedelta(microseconds=1)) == {}


def test_contributions_stay_the_cards_own_and_go_on_changing(world):
    put(world)
    world.sweep()
    assert world.rows("select points from score order by id desc limit 1") == [([80.0, 80.0],)]
    world.day(nps=20.0)
    assert score(world) == (40.0, "yellow")
    end(world)
    world.sweep()
    assert score(world) == (44.0, "yellow"), "what the card has come to meanwhile"


def test_a_crossing_it_causes_starts_a_playbook_and_says_whose_word_it_was(world):
    put(world)
    assert world.sweep().started == 1
    reason = world.rows("select reasons -> 0 from crossing")[0][0]
    assert reason["says"].endswith("; health is overridden to 40 by kim: their champion left")
    assert reason["values"]["health.score"] == 40.0


def test_a_fall_that_no_word_caused_names_none(world):
    put(world, value=90.0, key="birch")
    world.sweep()
    assert world.day(nps=10.0, usage=10.0).started == 1
    assert "overridden" not in world.rows("select reasons -> 0 ->> 'says' from crossing")[0][0]


def test_a_good_word_keeps_a_playbook_from_starting(world):
    put(world, value=90.0, days=3)
    world.sweep()
    assert world.day(nps=10.0, usage=10.0).crossings == 0
    world.pass_time(3 * DAY)
    assert world.sweep().started == 1, "the fall shows when the word is over"


def test_another_override_takes_the_place_of_the_first(world):
    put(world)
    world.pass_time()
    put(world, value=55.5, by="lee")
    world.sweep()
    assert score(world) == (55.5, "yellow")
    assert world.rows("select ended_by from score_override order by id") == [("lee",), (None,)]


def test_ending_it_is_told_once_and_does_nothing_where_there_is_none(world):
    put(world)
    world.sweep()
    assert [one.value for one in end(world)] == [40.0]
    assert end(world) == []
    world.sweep()
    assert score(world) == (80.0, "green")


def test_one_made_after_a_sweep_chose_its_instant_is_found_by_the_next(world):
    """The sweep has taken its change row, and it was not in force yet."""
    put(world)
    world.rows("update score_override set since = since + interval '1 hour' returning id")
    world.sweep()
    assert score(world) == (80.0, "green")
    world.pass_time()
    assert world.sweep().accounts == 1
    assert score(world) == (40.0, "yellow")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"value": 101.0}, "101 is no score"),
        ({"value": -0.5}, "-0.5 is no score"),
        ({"value": float("nan")}, "nan is no score"),
        ({"days": 0}, "is over already"),
        ({"days": -1}, "is over already"),
        ({"days": LONGEST.days + 1}, "is more than a year ahead"),
        ({"card": "helth"}, 'there is no scorecard "helth"'),
    ],
)
def test_what_makes_no_sense_changes_nothing(world, given, says):
    refused = put(world, **given)
    assert isinstance(refused, NotOverridden)
    assert says in refused.message
    assert refused.hint
    assert world.rows("select count(*) from score_override") == [(0,)]
    assert world.rows("select count(*) from change") == [(0,)]


def test_the_past_is_explained_as_it_was_and_the_present_without(world):
    before = world.now
    world.pass_time()
    put(world, days=3)
    world.sweep()
    during = world.now
    world.pass_time(3 * DAY)
    world.sweep()
    with world.tx() as conn:
        past, then, now = (
            explain(conn, "acme", world.now, at=at).scores[0]  # type: ignore[union-attr]
            for at in (before, during, None)
        )
    assert (past.value, past.override) == (80.0, None)
    assert then.override is not None
    assert (then.value, then.override.reason, then.moves) == (40.0, "their champion left", ())
    assert [part.points for part in then.contributions] == [80.0, 80.0]
    assert (now.value, now.override) == (80.0, None)
    assert now.moves
