from datetime import timedelta

import pytest

from connectors.errors import Misconfigured, RateLimited, Rejected, Unavailable, UnknownOutcome
from connectors.retries import wait_before_retry


@pytest.mark.parametrize(
    ("error", "attempts", "wait"),
    [
        (Unavailable("x"), 1, timedelta(seconds=15)),
        (Unavailable("x"), 2, timedelta(seconds=30)),
        (Unavailable("x"), 1000, timedelta(hours=1)),
        (RateLimited("x", timedelta(minutes=7)), 1, timedelta(minutes=7)),
        (RateLimited("x", timedelta(0)), 1, timedelta(seconds=1)),
        (RateLimited("x"), 3, timedelta(minutes=1)),
        (Misconfigured("x"), 1, timedelta(minutes=5)),
        (Rejected("x"), 1, None),
        (UnknownOutcome("x"), 1, None),
    ],
)
def test_the_class_of_an_error_decides_when_to_try_again(error, attempts, wait):
    assert wait_before_retry(error, attempts) == wait
