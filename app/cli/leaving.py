"""How a process of the command line ends."""

import os
import sys
from contextlib import suppress


def leave(code: int) -> None:
    """End at once where Temporal's core is loaded: a thread of it that outlives the interpreter may crash the process,
    and its exit code with it. All that a command opens, it has closed by now.
    """
    if "temporalio.bridge.temporal_sdk_bridge" not in sys.modules:
        return
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
