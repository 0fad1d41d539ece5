"""The interpreter: a run may be torn down and rebuilt from its JSON at any rest, and decides the same."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan import Plan
from engine.steps.wait import WaitStep
from engine.turns.position import Ending
from engine.values import canonical_json
from tests.journeys import T0, random_journey
from tests.walking import comparable, rebuild_at_every_rest, simulate

SEEDS = st.integers(min_value=0, max_value=10_000)


@given(SEEDS)
def test_a_plan_survives_its_json_and_keeps_its_hash(seed: int) -> None:
    plan = random_journey(seed).compiled.plan
    again = Plan.model_validate_json(canonical_json(plan))
    assert again == plan
    assert again.hash == plan.hash


@given(SEEDS)
def test_a_run_rebuilt_from_its_position_at_every_rest_takes_the_same_decisions(seed: int) -> None:
    journey = random_journey(seed)
    undisturbed = simulate(journey)
    with pytest.MonkeyPatch.context() as patch:
        rebuild_at_every_rest(patch)
        torn = simulate(journey)
    assert comparable(torn.trace) == comparable(undisturbed.trace)
    assert torn.ending == undisturbed.ending


@given(SEEDS)
def test_trace_lines_have_numbers_of_their_own_and_never_go_back_in_time(seed: int) -> None:
    trace = sorted(simulate(random_journey(seed)).trace, key=lambda line: line.seq)
    assert len({line.seq for line in trace}) == len(trace)
    assert all(before.at <= after.at for before, after in pairwise(trace))


@given(SEEDS)
def test_no_wait_ends_before_it_began(seed: int) -> None:
    run = simulate(random_journey(seed))
    if run.ending is None:
        assert run.resting.until is None or run.resting.until >= run.run.position.clock


@given(SEEDS)
def test_the_position_stays_small_whatever_happens(seed: int) -> None:
    run = simulate(random_journey(seed))
    assert len(run.run.position.model_dump_json()) < 20_000
    if run.ending is not None:
        assert not [mark for mark in run.run.position.marks if mark.startswith("steps")]


def test_a_run_that_grows_too_old_is_stopped() -> None:
    journey = random_journey(3)
    plan = journey.compiled.plan.model_copy(update={"max_age": "2 days", "goal": None, "exits": ()})
    waiting = plan.model_copy(update={"steps": (WaitStep(duration="30 days"),)})
    aged = replace(journey, compiled=journey.compiled.model_copy(update={"plan": waiting}))
    run = simulate(aged)
    assert run.ending == Ending(outcome="stop", reason="older than 2 days")
    assert run.ended_at == T0 + timedelta(days=2)
