"""A run that tags its account, beside those who hold the run already and want the account next."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from app.connectors import own_tasks
from engine.turns.runtime import Act
from store.deciding.enrolment import enrol
from tests.store.world import World
from tests.waiting import PATIENCE, until
from workflows.activities import Activities
from workflows.ports import Ports
from workflows.wire import Performing

TAG = Act(
    step="mark",
    path="steps[0]",
    verb="set",
    visit=1,
    seq=1,
    params={"values": {}, "tag": ["vip"], "untag": []},
)
WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_whoever_waits_for_a_run_to_tag_its_account_does_not_hold_the_account(database):
    """An answer to a survey holds the run and then the account: each would wait for the other."""
    world = World(database)
    world.deploy(first="triggers: [{ manual: true }]\n")
    world.account("acme")
    world.sweep()
    with world.tx() as conn:
        enrol(conn, "first", "acme", by="kim")
    acts = Activities(world.engine, Ports(tasks=own_tasks, transports=dict))
    tag = Performing(run_id=1, at=world.now, act=TAG)
    with ThreadPoolExecutor(1) as pool:
        with world.tx() as conn:
            conn.execute(sa.text("select id from run where id = 1 for no key update"))
            tagging = pool.submit(acts.perform, tag)
            until(lambda: world.rows(WAITING))
            assert conn.execute(sa.text("select key from account for no key update skip locked")).all() == [("acme",)]
        assert tagging.result(PATIENCE).outcome == "done"
    assert world.rows("select value from account_value where field = 'account.tags'") == [(["vip"],)]
