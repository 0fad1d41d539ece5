import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tables import cells, clean, clean_lines, count, show_table, when

HEAD = ("RUN", "ACCOUNT", "WHERE")
ROWS = [("1", "A-1", "wait for task call until 2026-03-04"), ("22", "Ünï", "日本" * 20)]


def shown(capsys: pytest.CaptureFixture[str], rows=ROWS) -> list[str]:
    show_table(HEAD, rows, give_way=("WHERE",))
    return capsys.readouterr().out.splitlines()


def test_piped_rows_are_whole_and_stand_under_their_heads(capsys):
    lines = shown(capsys)
    assert lines[0] == "RUN  ACCOUNT  WHERE"
    assert lines[1] == "1    A-1      wait for task call until 2026-03-04"
    assert lines[2] == "22   Ünï      " + "日本" * 20


@pytest.mark.parametrize("columns", [24, 40, 80, 120])
def test_on_a_terminal_nothing_is_wider_than_it(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _self: True)
    lines = shown(capsys)
    assert max(cells(line) for line in lines) <= columns
    assert ("…" in lines[2]) is (columns < 93)


def test_columns_that_do_not_give_way_are_never_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _self: True)
    assert "A-1" in shown(capsys)[1]


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\r\nb", "a\u2028b", "a\x9bb"])
def test_data_moves_no_cursor(text):
    assert not [one for one in clean(text) if not one.isprintable()]


def test_lines_stay_lines():
    assert clean_lines("one\n\x1btwo\n") == "one\n two"


@given(st.text())
def test_any_text_becomes_one_printable_line(text):
    assert len(clean(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, ""),
        (datetime(2026, 3, 4, tzinfo=UTC), "2026-03-04"),
        (datetime(2026, 3, 4, 9, 30, tzinfo=UTC), "2026-03-04 09:30"),
        (datetime(2026, 3, 4, 1, tzinfo=timezone(timedelta(hours=2))), "2026-03-03 23:00"),
    ],
)
def test_moments_are_utc_and_midnights_are_dates(at, text):
    assert when(at) == text


def test_counts_are_words():
    assert [count(0, "run"), count(1, "run"), count(1200, "run"), count(2, "match", "matches")] == [
        "0 runs",
        "1 run",
        "1,200 runs",
        "2 matches",
    ]
