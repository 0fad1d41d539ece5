"""Who drives a virtual clock: one process at a time."""

import pytest

from store.driving import AlreadyDriven, driving, refuse_if_driven


def test_whoever_comes_while_a_clock_is_driven_is_refused_before_and_at_the_reins(scratch_engine):
    refuse_if_driven(scratch_engine)
    with driving(scratch_engine):
        with pytest.raises(AlreadyDriven, match="another process drives this clock"):
            refuse_if_driven(scratch_engine)
        with pytest.raises(AlreadyDriven), driving(scratch_engine):
            pass
    refuse_if_driven(scratch_engine)
    with driving(scratch_engine):
        pass
