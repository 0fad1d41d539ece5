"""Where pages cannot be served is said in one line, before anything is started."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.listening import address_of, free_port, is_listened_at
from app.settings import Settings, read_settings
from tests.ports import free_port as nobodys_port
from tests.waiting import PATIENCE


def listening_at(host: str, port: int = 0) -> Settings:
    return replace(read_settings(), web_host=host, web_port=port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_free_port_is_found_at_every_address_of_this_machine(host: str) -> None:
    assert free_port(listening_at(host)) > 1023


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.7", "not a host", "a" * 70])
def test_an_address_that_is_not_ours_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^TENURE_WEB_HOST is .* Use an address of this machine"):
        free_port(listening_at(host))


def test_a_port_that_is_taken_is_refused_and_one_that_was_just_left_is_not() -> None:
    port = nobodys_port()
    refused = pytest.raises(SettingsError, match=f"^TENURE_WEB_PORT is {port}, where another program listens")
    with socket.create_server(("127.0.0.1", port)), refused:
        free_port(listening_at("127.0.0.1", port))
    assert free_port(listening_at("127.0.0.1", port)) == port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_whoever_listens_is_found_at_the_address_that_is_told(host: str) -> None:
    port = nobodys_port()
    assert not is_listened_at(address_of(host, port))
    with socket.create_server((host, port)):
        assert is_listened_at(address_of(host, port))


def test_an_address_of_the_newer_internet_stands_in_brackets() -> None:
    assert address_of("::1", 8000) == "http://[::1]:8000"


@pytest.mark.parametrize("command", ["web", "up"])
def test_a_wrong_host_ends_the_command_with_one_line_and_the_code_of_usage(command: str, tmp_path: Path) -> None:
    environment = os.environ | {"TENURE_HOME": str(tmp_path), "TENURE_WEB_HOST": "nowhere.invalid"}
    done = subprocess.run(
        [sys.executable, "-m", "app", command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * PATIENCE,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("tenure: TENURE_WEB_HOST is 'nowhere.invalid', ")
    assert list(tmp_path.iterdir()) == []
