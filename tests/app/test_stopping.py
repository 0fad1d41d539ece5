"""The demo stopped while it is being prepared: nothing stays behind, and the next start goes on."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import typer

from app.stopping import stopped_in_a_line
from tests.waiting import PATIENCE, until

_DEMO = [sys.executable, "-m", "app", "demo", "--accounts", "20"]


def test_a_demo_that_is_stopped_while_it_is_prepared_says_so_leaves_nothing_and_goes_on() -> None:
    with tempfile.TemporaryDirectory(prefix="tenure-home-") as directory:
        home = Path(directory) / "home"
        environment = os.environ | {"TENURE_HOME": str(home)}
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            assert _stopped(home, environment, number) == code
        done = subprocess.run(
            [*_DEMO, "--once", "--days", "1"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=5 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])


class _Dropping:
    """Python drops what is raised while it finalizes something."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self._number)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_that_python_drops_comes_again_and_interrupts_nothing_that_is_put_away(capsys, number, code) -> None:
    put_away: list[str] = []
    mine = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
    handlers = [signal.getsignal(one) for one in mine]
    with pytest.raises(typer.Exit) as stopped, stopped_in_a_line("stopped"):
        _prepare(put_away, number)
    assert (stopped.value.exit_code, put_away) == (code, ["all"])
    assert capsys.readouterr().err == "tenure: stopped\n"
    assert [signal.getsignal(one) for one in mine] == handlers


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_python_drops_at_the_very_end_stops_all_the_same() -> None:
    with pytest.raises(typer.Exit) as stopped, stopped_in_a_line("stopped"):
        _Dropping(signal.SIGINT)
    assert stopped.value.exit_code == 130


class _Interrupted(logging.Handler):
    """A line is being written when the signal comes."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not self.written:
            os.kill(os.getpid(), signal.SIGTERM)
        self.written.append(record.getMessage())


def test_a_stop_waits_until_a_line_is_logged_whose_lock_would_never_be_let_go_of() -> None:
    log, handler = logging.getLogger(__name__), _Interrupted()
    log.addHandler(handler)
    try:
        with pytest.raises(typer.Exit) as stopped, stopped_in_a_line("stopped"):
            until(lambda: log.warning("a line"))
    finally:
        log.removeHandler(handler)
    assert stopped.value.exit_code == 143
    assert handler.written


def _prepare(put_away: list[str], number: int) -> None:
    try:
        _Dropping(number)
        until(lambda: False, seconds=30)
    finally:
        ends = time.monotonic() + 0.7  # several times as long as until it would come again
        while time.monotonic() < ends:
            os.kill(os.getpid(), number)
        put_away.append("all")


def _stopped(home: Path, environment: dict[str, str], number: int) -> int:
    """The exit code of a demo that gets the signal when its worker starts."""
    begins = home / "logs/worker.log"
    begins.unlink(missing_ok=True)
    # A shell without job control has what it puts into the background ignore Ctrl-C, and so what that starts.
    demo = subprocess.Popen(
        _DEMO,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - starts no thread
    )
    try:
        until(lambda: begins.exists() or demo.poll() is not None, 3 * PATIENCE)
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(number)
        _, said = demo.communicate(timeout=2 * PATIENCE)
    except BaseException:
        demo.kill()
        demo.communicate()
        raise
    assert said.splitlines()[-1] == "tenure: stopped before it was ready; the next start goes on"
    assert children
    until(lambda: not any(_is_alive(one) for one in children))
    until(lambda: not _of(home))
    return demo.returncode


def _of(home: Path) -> list[psutil.Process]:
    """The keeper and the servers of a home."""
    return [one for one in psutil.process_iter(["cmdline"]) if str(home) in " ".join(one.info["cmdline"] or ())]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
