"""`tenure user`: who may sign in, from the command line."""

import pytest

from tests.command_line import tenure


@pytest.fixture
def user(database, monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    return lambda *arguments: tenure("user", *arguments, home=tmp_path)


def test_people_are_let_in_listed_and_shut_out(user):
    def told(*arguments):
        answer = user(*arguments, "--json")
        assert answer.code == 0, answer.err
        return answer.json

    assert told("link")["link"].startswith("/enter/")
    made = told("add", "ada", "--role", "admin", "--email", "Ada@tenure.test")
    assert (made["user"]["role"], made["user"]["email"]) == ("admin", "ada@tenure.test")
    assert made["link"].startswith("/enter/")
    told("add", "kim")
    assert [one["person"] for one in told("list")["items"]] == ["ada", "kim"]
    assert told("link", "kim", "--enter")["person"] == "kim"
    assert told("disable", "kim")["user"]["disabled_at"]
    for refused in (
        ("disable", "ada"),
        ("disable", "nobody"),
        ("link", "kim"),
        ("link",),
        ("add", "x", "--role", "king"),
    ):
        answer = user(*refused)
        assert answer.code == 2, answer.out
        assert "Traceback" not in answer.err
