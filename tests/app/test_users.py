"""`tenure user`: who may sign in, from the command line."""

import json

import pytest

from tests.command_line import tenure
from tests.homes import new_home


@pytest.fixture(scope="module")
def home():
    with new_home() as home:
        yield home


def told(home, *args):
    answer = tenure("user", *args, "--json", home=home)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_people_are_let_in_listed_and_shut_out(home):
    assert told(home, "link")["link"].startswith("/enter/")
    made = told(home, "add", "ada", "--role", "admin", "--email", "Ada@tenure.test")
    assert (made["user"]["role"], made["user"]["email"]) == ("admin", "ada@tenure.test")
    assert made["link"].startswith("/enter/")
    told(home, "add", "kim")
    assert [one["person"] for one in told(home, "list")] == ["ada", "kim"]
    assert told(home, "link", "kim", "--enter")["person"] == "kim"
    assert told(home, "disable", "kim")["user"]["disabled_at"]
    for refused in (
        ("disable", "ada"),
        ("disable", "nobody"),
        ("link", "kim"),
        ("link",),
        ("add", "x", "--role", "king"),
    ):
        answer = tenure("user", *refused, home=home)
        assert answer.code == 2, answer.out
        assert "Traceback" not in answer.err
