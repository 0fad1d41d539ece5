import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa

from store import schema
from store.queries.business.drill import DEFINITIONS, DRILLS
from tests.store.book import NOW, days
from tests.web.test_pages import HOSTILE, Outline
from web.amounts import amount, percent, points
from web.drawing.moves import moves_chart
from web.drawing.stacked_bar import Part, stacked_bar
from web.drawing.tones import tone_of
from web.figures import KeptFigures


@pytest.fixture
def filled(in_book):
    """Acme is kim's and green, Birch is lee's and red; both were there a year ago, and a task of Birch's is late."""

    def make(book):
        book.workspace()
        book.person("kim", "Kim")
        book.person("lee", f"Lee {HOSTILE}")
        ids = {}
        for key, csm, name, band, score in (
            ("acme", "kim", "Acme", "green", 80.0),
            ("birch", "lee", f"=HYPERLINK(1){HOSTILE}", "red", 30.0),
        ):
            ids[key] = account_id = book.account(key, name)
            row = {"field": "account.arr", "value": 100.0, "at": NOW - days(400), "learned_at": NOW}
            book.conn.execute(sa.insert(schema.account_value).values(account_id=account_id, **row))
            facts = {"account.name": name, "account.csm": csm, "account.arr": 150.0, "health.band": band}
            renewal = (NOW + days(20)).date()
            book.facts(account_id, **facts, **{"health.score": score, "account.renewal_date": renewal})
        run = book.run(ids["birch"])
        book.task(run, ids["birch"], assignee="lee", due_at=NOW - days(3))
        book.score(ids["birch"], 55.0, "yellow", at=NOW - days(60))
        book.score(ids["birch"], 30.0, "red", at=NOW - days(6))
        return ids

    return in_book(make)


def test_the_overview_defines_every_figure_it_shows(client, filled):
    text = client.get("/").text
    assert "2 customers with 300 ARR" in text
    assert "150.0" in text  # net revenue retention: 300 of 200
    for definition in DEFINITIONS:
        assert definition.title in text
    assert DRILLS["nrr"].definition.says in text


def test_a_csm_sees_the_figures_of_the_own_book(client_as, filled):
    kim = client_as("csm", person="kim")
    text = kim.get("/").text
    assert "1 customer with 150 ARR in your book" in text
    assert "Nothing is late" in text
    assert "What playbooks do" not in text
    for measure in DRILLS:
        assert "birch" not in kim.get(f"/overview/{measure}").text
        assert "birch" not in kim.get(f"/overview/{measure}.csv").text


@pytest.mark.parametrize("path", ["/", *(f"/overview/{name}" for name in DRILLS)])
def test_names_that_try_to_break_out_stay_text(client, filled, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert '<script>alert("x")' not in answer.text
    outline = Outline(answer.text)
    assert not any(name == "style" or name.startswith("on") for _, attrs in outline.tags for name in attrs)
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_link_of_the_overview_leads_somewhere(client, filled):
    outline = Outline(client.get("/").text)
    links = {attrs.get("href") or "" for attrs in outline.all("a")}
    measured = [href for href in links if href.startswith("/overview/")]
    assert len(measured) > 10
    for href in measured:
        assert client.get(href).status_code == 200, href


def test_csv_holds_every_account_and_nothing_a_spreadsheet_would_carry_out(client, filled):
    answer = client.get("/overview/movement.csv?group=down")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="movement.csv"' in answer.headers["content-disposition"]
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["account"], row["arr"], row["band"], row["before"]) == ("birch", "150.0", "red", "yellow")
    assert row["name"].startswith("'=HYPERLINK")


def test_a_measure_that_is_not_there_is_a_page_that_says_so(client, filled):
    for path in ("/overview/nothing", "/overview/nothing.csv", "/overview/health?after=x"):
        answer = client.get(path)
        assert answer.status_code in (404, 422)
        assert "Traceback" not in answer.text


def test_an_empty_book_has_an_overview(empty):
    assert "Nothing is deployed yet" in empty.get("/").text
    assert empty.get("/overview/health").status_code == 404


def test_a_book_without_customers_says_so(client, in_book):
    in_book(lambda book: book.workspace())
    assert "No customers yet" in client.get("/").text
    assert "No accounts here" in client.get("/overview/health").text


def test_another_period_is_another_cohort(client, filled):
    # The prices of 400 days ago held until nobody knows when: 100 each then, 150 now, whatever the period.
    assert 'aria-current="page">30 days' in client.get("/?days=30").text
    assert 'aria-current="page">a year' in client.get("/?days=12345").text


def test_slow_figures_are_kept_and_quick_ones_worked_out_anew(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("web.figures.time.monotonic", lambda: clock[0])
    kept: Any = KeptFigures()
    asked: list[float] = []

    def work_out(takes):
        def working():
            asked.append(takes)
            clock[0] += takes
            return len(asked)

        return working

    assert [kept.get("quick", work_out(0.1)) for _ in range(2)] == [1, 2]
    assert [kept.get("slow", work_out(3.0)) for _ in range(2)] == [3, 3]
    clock[0] += 61
    assert kept.get("slow", work_out(3.0)) == 4


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0"), (9300.0, "9,300"), (86_100.0, "86.1 k"), (1_240_000.0, "1.24 M"), (-45e6, "-45.0 M")],
)
def test_amounts_are_short(value, shown):
    assert amount(value).replace("\u00a0", " ") == shown


def test_shares_and_differences_read_as_people_say_them():
    assert [percent(None), percent(0.125, 1), points(0.35), points(-0.07)] == ["–", "12.5\u00a0%", "+35", "−7"]


def test_bands_of_any_name_are_coloured_by_their_place():
    assert [tone_of(band, ("poor", "fair", "good")) for band in ("poor", "fair", "good", "x")] == [
        "red",
        "yellow",
        "green",
        "unknown",
    ]
    assert [tone_of(band, "abcde") for band in "abcde"] == ["red", "red", "yellow", "yellow", "green"]
    assert tone_of("only", ("only",)) == "green"


def test_drawings_escape_what_they_are_given():
    drawn = str(moves_chart({(HOSTILE, HOSTILE): 3}, (HOSTILE,), HOSTILE))
    drawn += str(stacked_bar([Part(value=1, tone=HOSTILE, says=HOSTILE)], HOSTILE))
    assert "<script>" not in drawn
    assert str(moves_chart({}, (), "")) == ""


def test_a_playbook_without_a_goal_is_not_said_to_hold_nobody_out(client, in_book):
    source = b"""
playbook: pulse
title: Pulse
owner: ops@example.test
triggers: [{ manual: true }]
entry: { holdout: 10% }
steps: [{ wait: 1 day }]
"""

    def make(book):
        book.playbook(source, book.workspace())
        acme = book.account("acme", "Acme")
        book.facts(acme, **{"account.name": "Acme", "account.arr": 150.0})
        book.crossing(acme, playbook="pulse", state="held_out")

    in_book(make)
    text = client.get("/").text
    assert "no goal to compare by" in text
    assert "nobody held out" not in text


def test_a_clock_that_cannot_be_right_is_told_on_the_overview(client, filled, in_book):
    assert "Everything waits" not in client.get("/").text
    in_book(
        lambda book: (
            book.conn.execute(sa.text("delete from clock")),
            book.conn.execute(sa.insert(schema.sweep).values(at=NOW - days(4000), finished=True)),
        )
    )
    assert "say so: tenure sweep --after-outage" in client.get("/").text
