"""Versions are immutable, memories follow their triggers, and a deploy by itself starts nobody."""

import pytest

from engine.project import read_project
from store.deploying.deploy import (
    DeployRefused,
    NothingDeployed,
    deploy,
    load_compiled,
    load_workspace,
    publications,
    rollback,
)
from tests.store.world import FALLS, World, workspace

NAMED = "triggers: [{{ id: low, metric: nps, falls_below: {0} }}]\n"


@pytest.fixture
def world(database):
    return World(database)


def settle(world, nps=80.0):
    world.account("acme", name="Acme", arr=10.0)
    world.day(nps=nps)


def test_nothing_is_deployed_at_first_and_the_sweep_has_nothing_to_do(world):
    with world.tx() as conn:
        with pytest.raises(NothingDeployed, match="tenure deploy"):
            load_workspace(conn)
        with pytest.raises(NothingDeployed, match="risk is not deployed"):
            load_compiled(conn, "risk")
    world.account("acme", name="Acme")
    assert world.sweep().at is None


def test_a_deploy_says_what_became_of_each_playbook(world):
    first = world.deploy(a=FALLS, b=FALLS)
    assert (first.new, first.changed, first.unchanged, first.workspace_changed) == (("a", "b"), (), (), True)
    second = world.deploy(a=FALLS + "goal: { when: metric.nps > 90 }", c=FALLS)
    assert (second.new, second.changed, second.unchanged) == (("c",), ("a",), ())
    assert (second.missing, second.workspace_changed) == (("b",), False)
    assert world.deploy(b=FALLS).unchanged == ("b",)
    assert world.rows("select playbook, version from playbook_version order by 1, 2") == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("c", 1),
    ]


def test_an_unchanged_deploy_makes_no_work(world):
    world.deploy(risk=FALLS)
    settle(world)
    world.deploy(risk=FALLS)
    assert world.sweep().accounts == 0


def test_versions_stay_and_an_earlier_one_can_be_deployed_again(world):
    world.deploy(risk=FALLS)
    world.deploy(risk=FALLS + "goal: { when: metric.nps > 90 }")
    with world.tx() as conn:
        assert load_compiled(conn, "risk", 1).plan.goal is None
        assert load_compiled(conn, "risk").plan.goal is not None
    world.deploy(risk=FALLS)
    with world.tx() as conn:
        assert load_compiled(conn, "risk").plan.goal is None
    assert world.rows("select version from playbook") == [(1,)]


def test_open_runs_keep_their_version(world):
    world.deploy(risk=FALLS + "goal: { when: metric.usage > 5 }")
    settle(world)
    world.day(nps=50.0)
    world.deploy(risk=FALLS + "goal: { when: metric.usage > 500 }")
    world.day(usage=6.0)
    assert [of for _, of, _ in world.told(1)] == ["goal"]


def test_a_new_playbook_starts_nobody_who_is_low_already(world):
    world.deploy(other="triggers: [{ manual: true }]")
    settle(world, nps=50.0)
    report = world.deploy(risk=FALLS)
    assert report.existing == {"risk": 1}
    assert world.sweep().crossings == 0


def test_a_trigger_with_a_new_meaning_has_a_new_memory(world):
    world.deploy(risk=FALLS)
    settle(world, nps=65.0)
    world.deploy(risk=FALLS.replace("60", "66"))
    assert world.sweep().crossings == 0
    world.day(nps=80.0)
    assert world.day(nps=65.0).crossings == 1


def test_a_trigger_with_a_name_keeps_its_memory_when_edited_and_still_starts_nobody(world):
    world.deploy(risk=NAMED.format(60))
    world.account("bee", name="Bee")
    world.metric("bee", "nps", 80.0)
    settle(world, nps=65.0)
    world.day("bee", nps=50.0)  # fired
    world.deploy(risk=NAMED.format(70))
    assert world.sweep().crossings == 0, "acme is below the new line already, and bee has fired"
    assert world.rows("select count(*) from trigger") == [(1,)]
    assert world.day(nps=80.0).crossings == 0
    assert world.day(nps=65.0).crossings == 1


def test_a_metric_that_is_defined_anew_starts_nobody(world):
    def declared(formula):
        return workspace(f"name: Test\nmetrics: {{ usage: number, nps: '{formula}' }}\n")

    world.deploy(declared("metric.usage * 10"), risk=NAMED.format(60))
    world.account("acme", name="Acme")
    world.day(usage=8.0)
    world.deploy(declared("metric.usage * 5"), risk=NAMED.format(60))
    assert world.sweep().crossings == 0
    assert world.rows('select "metric.nps" from account_now') == [(40.0,)]
    world.day(usage=20.0)
    assert world.day(usage=8.0).crossings == 1


def test_a_dropped_trigger_dwells_no_more(world):
    world.deploy(risk=FALLS + "    for: 3 days\n")
    settle(world)
    world.day(nps=50.0)
    world.deploy(risk="triggers: [{ manual: true }]")
    for _ in range(4):
        assert world.day().crossings == 0
    world.deploy(risk=FALLS + "    for: 3 days\n")
    for _ in range(4):
        assert world.day().crossings == 0
    assert world.rows("select count(*) from trigger_hold") == [(0,)]


def test_bits_are_never_given_twice(world):
    for line in (60, 61, 62):
        world.deploy(risk=f"triggers: [{{ metric: nps, falls_below: {line} }}]")
    world.deploy(risk="triggers: [{ metric: nps, falls_below: 60 }]")
    bits = [bit for (bit,) in world.rows("select bit from trigger order by bit")]
    assert bits == [1, 2, 3]


def test_more_triggers_than_a_mask_has_bits(world):
    def twenty(first, more=""):
        lines = [f"  - {{ metric: nps, falls_below: {n}{more} }}\n" for n in range(first, first + 20)]
        return "triggers:\n" + "".join(lines)

    world.deploy(a=twenty(1), b=twenty(21), c=twenty(41), d=twenty(61, more=", for: 1 day"))
    settle(world)
    assert world.day(nps=0.0).crossings == 3
    assert world.day().crossings == 1
    assert [len(reasons) for (reasons,) in world.rows("select reasons from crossing order by id")] == [20] * 4
    assert world.day(nps=100.0).crossings == world.day().crossings == 0
    assert world.day(nps=0.0).crossings == 3


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("{}", "account.tier would be removed, but run 1 of risk version 1 still needs it"),
        (
            "{ account.tier: text }",
            "account.tier would become a text instead of a number, but run 1 of risk version 1 still needs it",
        ),
    ],
)
def test_what_an_open_run_reads_may_not_go(world, fields, says):
    def declared(fields):
        return workspace(f"name: Test\nmetrics: {{ nps: number }}\nfields: {fields}\n")

    world.deploy(declared("{ account.tier: number }"), risk=FALLS + "goal: { when: account.tier > 5 }")
    settle(world)
    world.day(nps=50.0)
    smaller = declared(fields)
    before = world.rows("select hash from workspace")
    with pytest.raises(DeployRefused, match=says):
        world.deploy(smaller, risk=FALLS)
    assert world.rows("select hash from workspace") == before
    world.end(1)
    world.deploy(smaller, risk=FALLS)


TITLED = """
playbook: {name}
title: {name}
owner: ops@example.test
{body}
steps:
  - wait: 10 days
  - id: call
    task: {{ title: "Ask about {{{{ account.tier or 'it' }}}} at {{{{ expert.name or 'ours' }}}}", assign: csm }}
"""


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (
            "fields: {}\nroles: { staff: { csm: account.csm, expert: account.csm } }\n",
            r"account\.tier would be removed, but run 1 of risk",
        ),
        (
            "fields: { account.tier: number }\nroles: { staff: { csm: account.csm } }\n",
            r"expert\.name would be removed, but run 1 of risk",
        ),
    ],
)
def test_what_the_texts_of_an_open_run_read_may_not_go(world, left, says):
    whole = "fields: { account.tier: number }\nroles: { staff: { csm: account.csm, expert: account.csm } }\n"
    world.deploy(workspace(f"name: Test\nmetrics: {{ nps: number }}\n{whole}"), _template=TITLED, risk=FALLS)
    settle(world)
    world.day(nps=50.0)
    smaller = workspace(f"name: Test\nmetrics: {{ nps: number }}\n{left}")
    with pytest.raises(DeployRefused, match=says):
        world.deploy(smaller, risk=FALLS)
    world.deploy(workspace(f"name: Test\nmetrics: {{ nps: number }}\n{whole.replace('number', 'text')}"), risk=FALLS)
    world.end(1)
    world.deploy(smaller, risk=FALLS)
    with world.tx() as conn, pytest.raises(DeployRefused, match=r"risk would read (account\.tier|expert\.name)"):
        rollback(conn, "risk", 1, world.now)


def test_what_a_mail_of_an_open_run_reads_may_not_go(world):
    files = {
        "tenure.yaml": b"name: Test\nsender: { name: We, address: we@ours.test }\npostal_address: Here\n"
        b"metrics: { nps: number }\nfields: { account.tier: number }\nroles: { contacts: { champion: [champion] } }\n",
        "playbooks/risk/playbook.yaml": b"playbook: risk\ntitle: Risk\nowner: ops@example.test\n"
        + FALLS.encode()
        + b"steps: [{ wait: 10 days }, { id: hello, email: { template: hello, to: champion } }]\n",
        "playbooks/risk/emails/hello.md": b"---\nsubject: Hello\n---\nTier {{ account.tier or 'none' }}.\n",
    }
    project = read_project(files)
    assert project.workspace is not None
    with world.tx() as conn:
        deploy(conn, project.workspace, publications(project), world.now)
    settle(world)
    world.day(nps=50.0)
    files["tenure.yaml"] = files["tenure.yaml"].replace(b"fields: { account.tier: number }", b"")
    smaller = read_project(files).workspace
    assert smaller is not None
    with pytest.raises(DeployRefused, match=r"account\.tier would be removed, but run 1 of risk version 1"):
        world.deploy(smaller, risk=FALLS)


@pytest.mark.parametrize(
    "body",
    [
        "triggers: [{ date: account.last_qbr + 5 days }]",
        "triggers: [{ schedule: every 30 days from account.last_qbr }]",
        FALLS + "entry: { key: account.last_qbr }",
    ],
)
def test_the_dates_and_the_key_of_a_playbook_left_alone_may_not_go(world, body):
    world.deploy(workspace("name: Test\nmetrics: { nps: number }\nfields: { account.last_qbr: date }\n"), risk=body)
    with pytest.raises(
        DeployRefused, match=r"account\.last_qbr would be removed, but risk, which is not part of this deploy"
    ):
        world.deploy(workspace("name: Test\nmetrics: { nps: number }\n"))


def test_what_a_playbook_left_alone_reads_may_not_go(world):
    world.deploy(risk=FALLS)
    with pytest.raises(
        DeployRefused, match=r"metric\.nps would be removed, but risk, which is not part of this deploy"
    ):
        world.deploy(workspace("name: Test\nmetrics: { usage: number }\n"))
