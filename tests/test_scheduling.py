import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scheduling import APART, LONGEST

_ROOT = Path(__file__).resolve().parents[1]

_CONFTEST = "from tests.conftest import pytest_xdist_make_scheduler"
_SHARING = """
import os
import pytest

@pytest.fixture(scope="module")
def shared():
    with open("set-up", "a") as file:
        file.write(f"{__file__}\\n")

@pytest.mark.parametrize("n", range(8))
def test_it(n, shared):
    with open("ran", "a") as file:
        file.write(f"{os.getpid()}\\n")
"""


def test_what_a_file_shares_is_set_up_in_one_process_while_another_works_on_the_next_file(tmp_path: Path):
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    for letter in "abcd":
        (tmp_path / f"test_{letter}.py").write_text(_SHARING)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, "-o", f"pythonpath={_ROOT}", "-p", "xdist.plugin"],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the others take three times as long to import
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "32 passed" in done.stdout, done.stdout + done.stderr
    set_up = (tmp_path / "set-up").read_text().splitlines()
    assert sorted(set_up) == sorted({*set_up})
    assert len({*(tmp_path / "ran").read_text().splitlines()}) == 2


@pytest.mark.parametrize("file", sorted({*APART, *LONGEST}))
def test_a_file_that_is_treated_apart_is_there(file: str):
    assert (_ROOT / file).is_file()
