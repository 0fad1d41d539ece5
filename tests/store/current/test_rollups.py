"""Parents learn what their children's scores come to: the same number in SQL and Python, told by the sweep."""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.health.rollups import Rollup, rolled_up
from store.current.columns import ensure_columns
from store.current.rollups import above_work, tell_parents
from store.current.sight import Sight
from tests.store.world import START, World, workspace

TENURE = "name: W\nmetrics: { nps: number }\n"
HEALTH = """
scorecard: health
components:
  - {{ id: nps, metric: nps, scale: {{ 0: 0, 100: 100 }}, weight: 1 }}
{more}
bands: {{ red: 0..<40, yellow: 40..<70, green: 70..100 }}
rollup: {rollup}
"""
WITH_CHILDREN = "  - { id: children, expr: health.children, scale: { 0: 0, 100: 100 }, weight: 1 }"


def card(rollup: str = "worst", more: str = "") -> Any:
    return workspace(TENURE, health=HEALTH.format(rollup=rollup, more=more))


@pytest.fixture
def world(database):
    return World(database)


def tell(world: World, key: str, nps: float | None = None, **fields: Any) -> None:
    world.account(key, **fields)
    if nps is not None:
        world.metric(key, "nps", nps)


def settle(world: World) -> int:
    """Sweep until nothing is left to do; how often something was."""
    swept = 0
    while world.sweep().accounts:
        swept += 1
        assert swept < 10, "it never comes to rest"
    return swept


def children(world: World) -> dict[str, float | None]:
    rows = world.rows('select key, "health.children" from account join account_now on account_id = id order by key')
    return {key: value for key, value in rows if value is not None}


def test_the_worst_of_the_children_counts_and_follows_them(world):
    world.deploy(card())
    tell(world, "group")
    tell(world, "acme", 80, parent="group")
    tell(world, "birch", 30, parent="group")
    tell(world, "cedar", parent="group")  # unknown counts for nothing
    settle(world)
    assert children(world) == {"group": 30.0}
    world.metric("birch", "nps", 90)
    assert settle(world) == 2, "the child's sweep, and the parent's right after"
    assert children(world) == {"group": 80.0}


def test_the_mean_is_weighted_by_the_field(world):
    world.deploy(card("{ by: account.arr }"))
    tell(world, "group")
    tell(world, "acme", 80, parent="group", arr=300.0)
    tell(world, "birch", 40, parent="group", arr=100.0)
    tell(world, "cedar", 0, parent="group")  # of unknown weight
    settle(world)
    assert children(world) == {"group": 70.0}
    tell(world, "acme", arr=100.0)
    settle(world)
    assert children(world) == {"group": 60.0}


def test_a_child_that_moves_counts_for_its_new_parent_and_no_longer_for_the_old_one(world):
    world.deploy(card())
    for group in ("east", "west"):
        tell(world, group)
    tell(world, "acme", 20, parent="east")
    settle(world)
    assert children(world) == {"east": 20.0}
    tell(world, "acme", parent="west")
    settle(world)
    assert children(world) == {"west": 20.0}


def test_a_parent_may_become_known_after_its_children(world):
    world.deploy(card())
    tell(world, "acme", 20, parent="group")
    settle(world)
    assert children(world) == {}
    tell(world, "group")
    settle(world)
    assert children(world) == {"group": 20.0}


def test_through_a_component_scores_rise_level_by_level(world):
    world.deploy(card(more=WITH_CHILDREN))
    tell(world, "top")
    tell(world, "middle", parent="top")
    tell(world, "leaf", 30, parent="middle")
    settle(world)
    assert children(world) == {"middle": 30.0, "top": 30.0}
    assert world.rows("""select "health.score", "health.band" from account_now""") == [(30.0, "red")] * 3


@pytest.mark.parametrize(
    "parents",
    [{"acme": "acme"}, {"acme": "birch", "birch": "acme"}, {"acme": "birch", "birch": "cedar", "cedar": "acme"}],
    ids=["its own parent", "two of each other", "three in a round"],
)
def test_accounts_in_a_circle_are_nobodys_children_until_it_is_broken(world, parents):
    world.deploy(card(more=WITH_CHILDREN))
    for n, (key, parent) in enumerate(parents.items()):
        tell(world, key, 20 + n, parent=parent)
    tell(world, "dogwood", 10, parent="acme")  # below the circle, not in it
    settle(world)
    assert children(world) == {"acme": 10.0}
    last = list(parents)[-1]
    tell(world, last, parent="nobody")
    settle(world)
    expected = {"acme"} | {parent for key, parent in parents.items() if key != last}
    assert set(children(world)) == expected


def test_a_parent_without_children_left_knows_nothing_of_them(world):
    world.deploy(card())
    tell(world, "group")
    tell(world, "acme", 20, parent="group")
    settle(world)
    tell(world, "acme", parent=None)
    settle(world)
    assert children(world) == {}


def test_where_nothing_changed_nobody_is_told(world):
    world.deploy(card())
    tell(world, "group")
    tell(world, "acme", 20, parent="group")
    settle(world)
    before = world.rows("select count(*) from account_value")
    tell(world, "acme", name="Acme")
    assert settle(world) == 1
    assert world.rows("select count(*) from account_value where field <> 'account.name'") == before


known = st.none() | st.integers(0, 1000).map(lambda tenth: tenth / 10)
weights = st.none() | st.sampled_from([0.0, -1.0, 0.1, 1.0, 3.3, 1e6])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(known, weights), min_size=1, max_size=6))
def test_sql_and_python_give_the_same_number(scratch, described):
    nested = scratch.begin_nested()
    try:
        for rollup in (Rollup(), Rollup(by="account.arr")):
            of = card("worst" if rollup.by is None else "{ by: account.arr }")
            ensure_columns(scratch, of)
            scratch.execute(sa.text("delete from account"))
            insert = sa.text("insert into account (key, learned_at) values (:key, now()) returning id")
            row = sa.text(
                'insert into account_now (account_id, "account.parent", "health.score", "account.arr")'
                " values (:id, :parent, :score, :arr)"
            )
            top = scratch.execute(insert, {"key": "top"}).scalar_one()
            scratch.execute(row, {"id": top, "parent": None, "score": None, "arr": None})
            for n, (value, arr) in enumerate(described):
                child = scratch.execute(insert, {"key": f"k{n}"}).scalar_one()
                scratch.execute(row, {"id": child, "parent": "top", "score": value, "arr": arr})
            sight = Sight(scratch, of, START)
            tell_parents(scratch, sight, above_work(scratch, sight, everyone=True))
            told = scratch.execute(sa.text("select value from account_value where field = 'health.children'"))
            assert told.scalar() == rolled_up(rollup, described)
    finally:
        nested.rollback()
