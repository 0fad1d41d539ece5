import json
import logging

import pytest
import structlog

from app.logs import bound, set_up_logs


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_name_the_run_and_the_account_whoever_logs(capsys):
    set_up_logs("json")
    with bound(run="risk/acme/1", account="acme"):
        structlog.get_logger("ours").info("mail sent", attempt=2)
        logging.getLogger("theirs").warning("slow by %d ms", 300)
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert ours.items() >= {"event": "mail sent", "attempt": 2, "run": "risk/acme/1", "level": "info"}.items()
    assert theirs.items() >= {"event": "slow by 300 ms", "account": "acme", "logger": "theirs"}.items()


def test_a_traceback_is_part_of_its_json_line(capsys):
    set_up_logs("json")
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["exception"][0]["exc_value"].endswith("'broken'")


def test_the_console_format_reads_as_text(capsys):
    set_up_logs("console")
    with bound(account="acme"):
        structlog.get_logger().info("mail sent")
    (line,) = capsys.readouterr().err.splitlines()
    assert "mail sent" in line
    assert "account=acme" in line
