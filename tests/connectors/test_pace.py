from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from connectors.errors import RateLimited
from connectors.pace import Pace


class Clock:
    """Stands still, unless somebody sleeps."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def pace(clock, per_second):
    return Pace(per_second, clock=clock, sleep=clock.sleep)


def test_a_second_s_worth_leaves_at_once_and_then_no_more_than_the_rate(clock):
    one = pace(clock, 10)
    for _ in range(10):
        one.take()
    assert clock.slept == []
    for _ in range(20):
        one.take()
    assert clock.slept == [0.1] * 20


def test_over_any_time_no_more_than_the_rate_and_one_burst_leave(clock):
    one = pace(clock, 3)
    for n in range(300):
        one.take()
        clock.now += (n % 7) / 10
    assert 3 * (clock.now - 100) + 3 >= 300


def test_threads_share_one_rate(clock):
    waits: list[float] = []
    one = Pace(10, clock=clock, sleep=waits.append)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: one.take(), range(20)))
    assert sorted(round(wait, 6) for wait in waits) == [round(n / 10, 6) for n in range(1, 11)]
    with pytest.raises(RateLimited):
        one.take()


def test_a_pause_saves_up_no_more_than_one_second(clock):
    one = pace(clock, 5)
    clock.now += 3600
    for _ in range(6):
        one.take()
    assert clock.slept == [0.2]


def test_who_would_wait_long_is_told_how_long(clock):
    one = pace(clock, 0.1)
    one.take()
    with pytest.raises(RateLimited) as caught:
        one.take()
    assert caught.value.retry_after == timedelta(seconds=10)
    clock.now += 10
    one.take()


def test_while_the_provider_wants_nothing_nothing_leaves(clock):
    one = pace(clock, 100)
    one.hold(timedelta(seconds=30))
    one.hold(timedelta(seconds=5))
    with pytest.raises(RateLimited) as caught:
        one.take()
    assert caught.value.retry_after == timedelta(seconds=30)
    clock.now += 30
    one.take()
    assert clock.slept == []
