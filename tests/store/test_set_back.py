"""A database that is behind the last word that was given of it stands still until a person says that it counts."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store import set_back
from store.deciding.sweep import sweep
from store.leaps import SetBack, doubt
from store.schema import beat, mail
from tests.databases import engine_of
from tests.mailing import Post
from tests.store.test_leaps import act, world

__all__ = ["world"]  # the fixture


def word_of(world, seen=None):
    with world.tx() as conn:
        return set_back.beat(conn, seen)


def older_copy(world):
    """The database as it was an hour ago; the word that was given of it until now."""
    word = word_of(world)
    with world.tx() as conn:
        conn.execute(sa.text("update beat set at = at - interval '1 hour'"))
    return word


def stands_still(world):
    with world.tx() as conn:
        return set_back.is_set_back(conn)


def test_who_is_asked_again_and_again_goes_on(world):
    words = [word_of(world)]
    words += [word_of(world, words[-1])]
    words += [word_of(world, words[0])]
    assert not stands_still(world)
    assert words == sorted(words)


def test_a_copy_of_an_hour_ago_decides_and_does_nothing_and_says_so(world):
    word_of(world, older_copy(world))
    for doing in (lambda: sweep(world.engine, wait=True), lambda: act(world)):
        with pytest.raises(SetBack, match="tenure restored"):
            doing()
    with world.tx() as conn:
        assert "PostgreSQL is a copy of" in (doubt(conn) or "")


def test_the_word_is_kept_while_it_stands_still_and_it_does_so_until_a_person_says_that_it_counts(world):
    word = older_copy(world)
    assert word_of(world, word) == word
    assert word_of(world) == word
    assert stands_still(world)
    with world.tx() as conn:
        set_back.go_on(conn)
    assert word_of(world, word) > word
    assert not stands_still(world)
    sweep(world.engine, wait=True)


def test_a_word_of_another_database_says_nothing(world):
    other = word_of(world).partition(" ")[0]
    with world.tx() as conn:
        conn.execute(sa.delete(beat))
    word_of(world)
    word_of(world, f"{other} 2100-01-01T00:00:00+00:00")
    assert not stands_still(world)


def test_what_was_due_in_the_copy_may_have_left_and_what_is_held_has_not(database):
    engine = engine_of(database)
    post = Post(engine)
    due, held = post.mail(), post.mail()
    with engine.begin() as conn:
        conn.execute(sa.update(mail).where(mail.c.id == held).values(due_at=datetime.now(UTC) + timedelta(hours=1)))
        found = set_back.go_on(conn)
    assert (found.mails, found.errands) == (1, 0)
    assert (post.find(due).state, post.find(held).state) == ("handing_over", "prepared")
