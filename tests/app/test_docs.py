"""The reference on the command line."""

import pytest

from app.commands.docs import all_words
from tests.command_line import tenure

WORDS = all_words()


def test_all_words_are_listed():
    done = tenure("docs")
    assert done.code == 0
    assert [
        one.name for one in WORDS if f"\n  {one.name} " not in done.out and f"\n  {one.name}\n" not in done.out
    ] == []


@pytest.mark.parametrize(
    "word", ["wait_for", "score", "entry", "days_until", "highest", "imports", "PB303", "TENURE_HOME"]
)
def test_a_word_is_shown_with_what_it_means(word: str):
    done = tenure("docs", word)
    assert done.code == 0
    assert done.out.startswith(f"{word} (")


def test_a_step_is_shown_with_fields_types_defaults_and_an_example():
    out = tenure("docs", "task").out
    assert "task.give_up_after" in out
    assert "duration; default: 30 days" in out
    assert "staff role; needed" in out
    assert "      assign: csm" in out


def test_a_group_is_listed_by_its_name():
    done = tenure("docs", "triggers", "--json")
    assert done.code == 0
    assert tenure("docs", "operators").out.count("\n") > 10


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_every_word_has_every_form(form: str):
    done = tenure("docs", "--format", form)
    assert done.code == 0
    if form == "json":
        assert [one["name"] for one in done.json["items"]] == [one.name for one in WORDS]
    else:
        assert done.out.count("\n## ") + 1 == len(WORDS)


def test_steps_triggers_and_parts_of_a_playbook_have_examples():
    groups = ("step", "trigger", "operator", "function", "over rows", "over time", "filter", "code")
    assert [f"{one.group} {one.name}" for one in WORDS if one.group in groups and not one.example] == []


def test_an_unknown_word_is_refused_with_the_nearest():
    done = tenure("docs", "wait_fro")
    assert (done.code, done.out) == (2, "")
    assert 'did you mean "wait_for"?' in done.err
