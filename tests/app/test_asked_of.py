"""Lists of a misspelt account or playbook do not read like lists with nothing in them."""

import pytest

from tests.command_line import tenure
from tests.store.world import FALLS, World


@pytest.fixture
def world(database, monkeypatch):
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    world = World(database)
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    return world


@pytest.mark.parametrize("command", ["runs", "tasks", "mails", "errands"])
def test_a_list_of_an_account_that_nobody_knows_says_so(world, tmp_path, command):
    assert tenure(command, "--account", "acme", home=tmp_path).code == 0
    done = tenure(command, "--account", "acmee", home=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert 'there is no account "acmee"' in done.err


@pytest.mark.parametrize("command", ["runs", "surveys"])
def test_a_list_of_a_playbook_that_is_none_says_so(world, tmp_path, command):
    assert tenure(command, "--playbook", "risk", home=tmp_path).code == 0
    done = tenure(command, "--playbook", "rsik", home=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "playbook rsik is not deployed" in done.err
