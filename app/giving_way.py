"""Lets what somebody waits for have the processor first."""

import contextlib
import os
import sys
import threading

_NICENESS = 10


def give_way() -> None:
    """From now on the calling thread runs when nobody else has much to do. Of Linux alone, where every thread has a
    niceness; elsewhere it goes on as it was."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
