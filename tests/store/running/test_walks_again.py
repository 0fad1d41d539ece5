"""The trace of a run whose turns were lost and walked again, perhaps another way: each line once, and in order."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.turns.runtime import Entry
from store.deciding.enrolment import enrol
from store.running import runs
from store.schema import trace
from tests.store.world import DAY, START, World


@pytest.fixture
def world(database):
    """With one open run, 1, of acme."""
    world = World(database)
    world.deploy(risk="triggers: [{ manual: true }]\n")
    world.account("acme")
    world.sweep()
    with world.tx() as conn:
        enrol(conn, "risk", "acme", by="kim")
    return world


def test_a_walk_that_was_set_back_and_went_another_way_leaves_all_its_lines(world):
    def line(seq, what, at=START):
        return Entry(seq=seq, at=at, path="steps[0]", what=what)

    with world.tx() as conn:
        runs.note(conn, 1, [line(1, "waits"), line(2, "came")])
        for _ in range(2):
            runs.note(conn, 1, [line(1, "waits", START + DAY), line(2, "timed_out", START + DAY)])
    assert world.rows("select seq, what from trace order by seq") == [(1, "waits"), (2, "came"), (3, "timed_out")]


def test_a_walk_that_was_set_back_and_went_further_leaves_its_lines_in_its_order(world):
    def line(seq, path):
        return Entry(seq=seq, at=START, path=path, what="mail")

    with world.tx() as conn:
        runs.note(conn, 1, [line(1, "steps[0]"), line(2, "steps[1]")])
        runs.note(conn, 1, [line(1, "steps[0]"), line(2, "steps[2]"), line(3, "steps[3]")])
    said = [(1, "steps[0]"), (2, "steps[1]"), (3, "steps[2]"), (4, "steps[3]")]
    assert world.rows("select seq, path from trace order by seq") == said


def test_a_walk_that_was_set_back_leaves_no_number_out_whichever_of_its_acts_comes_first(world):
    """It asks for two at once, of which one was done before: that one's number is for what the walk has heard more."""

    def line(seq, path, what):
        return Entry(seq=seq, at=START, path=path, what=what)

    left, right = "steps[0].branches[0][0]", "steps[0].branches[1][0]"
    with world.tx() as conn:
        runs.note(conn, 1, [line(1, left, "answered"), line(2, left, "set")])
        runs.note(conn, 1, [line(4, right, "task")])
        runs.note(conn, 1, [line(1, left, "answered"), line(2, right, "mail")])
    said = [(1, "answered"), (2, "set"), (3, "mail"), (4, "task")]
    assert world.rows("select seq, what from trace order by seq") == said


def test_a_walk_that_was_set_back_says_once_what_steps_side_by_side_say_in_another_order(world):
    def answered(seq, path, at=START):
        return Entry(seq=seq, at=at, path=path, what="answered", detail={"step": path[-1], "outcome": "done"})

    left, right, rounds = "steps[0].a", "steps[0].b", "steps[0].repeat.steps[0]"
    with world.tx() as conn:
        runs.note(conn, 1, [answered(1, left), answered(2, right), answered(3, rounds)])
        later = START + DAY
        runs.note(conn, 1, [answered(1, right, later), answered(2, left, later), answered(4, rounds, later)])
    said = [(left,), (right,), (rounds,), (rounds,)]
    assert world.rows("select path from trace order by seq") == said, "only a repeat says the same again"


@st.composite
def walks_again(draw: st.DrawFn) -> tuple[int, list[int], list[list[int]]]:
    """How many lines the first walk wrote; by name, the lines of the second, some of which are those, in its own
    order; and the same in parts as they are handed over, of each the numbers of its lines."""
    first = draw(st.integers(0, 6))
    known = draw(st.lists(st.sampled_from(range(first)), unique=True)) if first else []
    second = draw(st.permutations([*known, *range(first, first + draw(st.integers(0, 6)))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(second)), max_size=4)))
    parts = [list(range(a, b)) for a, b in zip([0, *cuts], [*cuts, len(second)], strict=True)]
    return first, second, [part for part in parts if part]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walks_again(), st.booleans())
def test_no_number_is_left_out_and_a_walk_keeps_its_order(world, walks, act_overtakes):
    """The last two of each part are acts that are asked for at once; an act that was done before is not told of."""
    first, second, parts = walks

    def entry(n: int) -> Entry:
        return Entry(seq=n + 1, at=START, path=f"steps[{second[n]}]", what="mail")

    with world.engine.connect() as conn:
        runs.note(conn, 1, [Entry(seq=n + 1, at=START, path=f"steps[{n}]", what="mail") for n in range(first)])
        for part in parts:
            *heard, one = part if len(part) < 3 else part[:-1]
            asked = [[*heard, one]] if len(part) < 3 else [[*heard, one], [part[-1]]]
            for told in reversed(asked) if act_overtakes else asked:
                runs.note(conn, 1, [entry(n) for n in told if n != told[-1] or second[n] >= first])
        lines = list(conn.execute(sa.select(trace.c.seq, trace.c.path).order_by(trace.c.seq)))
        conn.rollback()
    paths = [line.path for line in lines]
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    assert sorted(paths) == sorted(f"steps[{name}]" for name in {*range(first), *second})
    assert paths[:first] == [f"steps[{n}]" for n in range(first)]
    news = [f"steps[{name}]" for name in second if name >= first]
    assert act_overtakes or paths[first:] == news
