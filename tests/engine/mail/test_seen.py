from datetime import UTC, datetime, timedelta

import pytest

from engine.mail.seen import evidence

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def after(seconds):
    return AT + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("type_", "at", "machine", "arrived_at", "clicks", "found"),
    [
        ("opened", 60, False, AT, [], "human"),
        ("opened", 60, True, AT, [], "likely_machine"),
        ("opened", 9, False, AT, [], "likely_machine"),
        ("opened", 10, False, AT, [], "human"),
        ("opened", -60, False, AT, [], "likely_machine"),
        ("opened", 9, False, None, [], "human"),
        ("opened", 60, False, AT, [(60, "b"), (61, "c")], "human"),
        ("clicked", 60, False, AT, [(60, "a")], "human"),
        ("clicked", 2, False, AT, [(2, "a")], "likely_machine"),
        ("clicked", 60, False, AT, [(60, "a"), (60, "b")], "likely_machine"),
        ("clicked", 60, False, AT, [(60, "a"), (63, "b")], "likely_machine"),
        ("clicked", 60, False, AT, [(57, "b"), (60, "a")], "likely_machine"),
        ("clicked", 60, False, AT, [(60, "a"), (64, "b")], "human"),
        ("clicked", 60, False, AT, [(60, "a"), (61, "a"), (62, "a")], "human"),
        ("clicked", 60, False, AT, [(60, "a"), (61, None)], "human"),
    ],
)
def test_what_no_person_does_is_most_likely_a_machine_s(type_, at, machine, arrived_at, clicks, found):
    link = "a" if type_ == "clicked" else None
    times = [(after(seconds), other) for seconds, other in clicks]
    assert evidence(type_, after(at), link, machine=machine, arrived_at=arrived_at, clicks=times) == found
