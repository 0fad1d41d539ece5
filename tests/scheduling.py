"""Which process of a distributed test run gets which tests: all of a file go to one, which sets up once what they need.

The marker `xdist_group` cannot say so: the plugin writes it into the names of tests in a way that pytest 9.2 passes
over without a word, and then every process sets up what any of a file's tests share.
"""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

APART = (
    "tests/e2e/test_all_together.py",
    "tests/e2e/test_equality.py",
    "tests/e2e/test_long_runs.py",
    "tests/e2e/test_shipped_scenarios.py",
    "tests/e2e/test_starting.py",
    "tests/faults/test_kills.py",
    "tests/faults/test_lost.py",
    "tests/workflows/test_mail_ledger.py",
)
"""Files whose tests take long and share nothing: each goes to whoever is free."""

LONGEST = (
    "tests/app/test_cli_road.py",
    "tests/app/test_supervise.py",
    "tests/browser/test_accessible.py",
    "tests/browser/test_operations.py",
    "tests/e2e/test_all_together.py",
    "tests/faults/test_kills.py",
    "tests/faults/test_volume.py",
    "tests/store/current/test_scoring.py",
    "tests/store/test_validation.py",
    "tests/workflows/test_mail_ledger.py",
)
"""What takes longest by itself: whoever begins one of these last lets the others wait for it."""
_LONG = ("tests/faults/", "tests/e2e/", "tests/app/", "tests/workflows/", "tests/browser/")
"""Folders of tests that start servers and processes."""


def turn(nodeid: str) -> int:
    """When a test is begun: the longest first, and in whatever order otherwise."""
    return 0 if nodeid.startswith(LONGEST) else 1 if nodeid.startswith(_LONG) else 2


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # shipped without type information
    """In the order of collection, which `conftest.py` decides; the plugin's own would begin with the most tests."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in APART else file
