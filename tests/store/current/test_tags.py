"""Tags in the database: kept as facts, projected as a set, asked for in SQL as in Python."""

import threading

import sqlalchemy as sa

from engine.expressions import Scope, parse_expression
from engine.facts import AccountFact
from engine.values import Condition
from store import clock
from store.current import setting
from store.current.sight import Sight
from store.schema import account
from tests.store.world import World


def tagged(world: World, word: str) -> list[str]:
    scope = Scope(catalogue=world.workspace.catalogue())
    condition = Condition.of(parse_expression(f'account.tags contains "{word}"', scope, want="bool"))
    with world.tx() as conn:
        sight = Sight(conn, world.workspace, clock.now(conn))
        key = sa.select(account.c.key).where(account.c.id == sight.account_id).scalar_subquery()
        rows = sa.select(key).select_from(sight.source).where(sight.truth(condition))
        return sorted(conn.execute(rows).scalars())


def retag(world: World, key: str, tag: list[str], untag: list[str]) -> None:
    account_id = world.account_id(key)
    with world.tx() as conn:
        now = clock.now(conn)
        changed = setting.retagged(conn, account_id, tag, untag, now)
        setting.set_fields(conn, account_id, {setting.TAGS: changed}, now)


def test_tags_are_told_put_on_taken_off_and_asked_for(database):
    world = World(database)
    world.deploy()
    world.tell(AccountFact(key="acme", fields={"tags": ["happy", "vip"]}))
    world.tell(AccountFact(key="bolt", fields={"tags": ["new"]}))
    world.tell(AccountFact(key="cube", fields={"name": "Cube"}))
    world.sweep()
    assert tagged(world, "new") == ["bolt"]
    assert (tagged(world, "vip"), tagged(world, "at-risk")) == (["acme"], [])
    retag(world, "acme", ["at-risk"], ["happy"])
    retag(world, "bolt", ["at-risk"], [])
    world.sweep()
    assert tagged(world, "at-risk") == ["acme", "bolt"]
    assert tagged(world, "happy") == []


def test_of_two_who_tag_at_once_neither_loses_a_word(database):
    world = World(database)
    world.deploy()
    world.account("acme", name="Acme")
    threads = [threading.Thread(target=retag, args=(world, "acme", [word], [])) for word in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.sweep()
    assert [tagged(world, word) for word in ("one", "two", "three")] == [["acme"]] * 3


def test_what_is_no_set_of_words_is_no_tag(database):
    world = World(database)
    world.deploy()
    world.tell(AccountFact(key="acme", fields={"tags": "vip"}))
    world.sweep()
    assert tagged(world, "vip") == []
    retag(world, "acme", ["vip"], [])
    world.sweep()
    assert tagged(world, "vip") == ["acme"]
