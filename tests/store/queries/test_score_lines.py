"""Scores as lines: the same whether an account's score rests or trembles, which are read in two ways."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from store.queries.scores import SHOWN, score_lines
from store.schema import score
from tests.store.book import NOW, Book


@pytest.fixture
def scored(scratch):
    """Makes an account whose score has these values, by how long ago."""
    book = Book(scratch)
    book.workspace()

    def make(key, values):
        account_id = book.account(key)
        rows = [
            {"at": NOW - ago, "value": value, "band": "red" if value < 40 else "green"} for ago, value in values.items()
        ]
        told = {"account_id": account_id, "card": "health", "known_weight": 1.0}
        scratch.execute(sa.insert(score), [told | row for row in rows])
        return account_id

    return make


def test_a_line_shows_what_was_in_force_at_each_of_its_instants(scratch, scored):
    rests = scored("rests", {timedelta(days=200): 80.0, timedelta(days=31): 30.0, timedelta(hours=1): 50.0})
    line = score_lines(scratch, [rests], "health", NOW)[rests]
    assert [point.at for point in line.points] == [NOW - SHOWN + SHOWN / 24 * n for n in range(25)]
    assert [point.value for point in line.points] == [80.0] * 16 + [30.0] * 8 + [50.0]
    assert (line.band, line.moved) == ("green", 20.0)


def test_a_line_begins_with_the_first_score(scratch, scored):
    young = scored("young", {timedelta(days=10): 70.0})
    line = score_lines(scratch, [young, scored("never", {timedelta(days=-1): 1.0})], "health", NOW)
    assert {account: [point.value for point in found.points] for account, found in line.items()} == {young: [70.0] * 3}
    assert line[young].moved is None


def test_a_trembling_score_and_its_copy_with_fewer_rows_draw_the_same_line(scratch, scored):
    """More scores than are read: they are looked up at the instants instead."""
    every = {timedelta(hours=2 * n): 20.0 + n % 70 for n in range(24 * 45 + 200)}
    instants = [NOW - SHOWN + SHOWN / 24 * n for n in range(25)]
    at_instants = {ago: value for ago, value in every.items() if any(NOW - ago == instant for instant in instants)}
    for instant in instants:
        latest = max(NOW - ago for ago in every if NOW - ago <= instant)
        at_instants[NOW - latest] = every[NOW - latest]
    trembling, resting = scored("trembling", every), scored("resting", at_instants)
    lines = score_lines(scratch, [trembling, resting], "health", NOW)
    assert [tuple(point) for point in lines[trembling].points] == [tuple(point) for point in lines[resting].points]
    assert len(lines[trembling].points) == 25
