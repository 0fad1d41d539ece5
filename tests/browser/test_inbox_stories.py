"""A CSM's day in the inbox: with keys alone, on a phone, without scripts, beside a colleague, and offline."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from store import schema
from store.inbox import desk
from tests.browser.conftest import PHONE
from tests.store.book import NOW, days

pytestmark = pytest.mark.stage


@pytest.fixture
def tasks(in_book):
    def make(book):
        book.workspace()
        book.person("kim", "Kim Novak")
        book.person("lee", "Lee Chan", manager="kim")
        acme = book.account("acme", "Acme Freight")
        book.facts(acme, account__csm="kim", account__arr=120_000.0, health__score=35.0, account__name="Acme Freight")
        for ago, value, band in ((60, 72.0, "green"), (20, 55.0, "yellow"), (2, 35.0, "red")):
            book.score(acme, value, band, at=NOW - days(ago))
        run = book.run(acme)
        book.crossing(acme, run_id=run)
        items = [{"text": "Read the tickets", "done": False}, {"text": "Agree one step", "done": False}]
        return {
            "call": book.task(run, acme, "Call the champion", due_at=NOW - days(3), checklist=items),
            "agenda": book.task(run, acme, "Send the agenda", "agenda", due_at=NOW + timedelta(hours=3)),
            "review": book.task(run, acme, "Prepare the review", "review", due_at=NOW + days(9)),
        }

    return in_book(make)


def row(engine, task_id):
    with engine.connect() as conn:
        return conn.execute(sa.select(schema.task).where(schema.task.c.id == task_id)).one()


def test_a_task_is_done_with_keys_alone(window, tasks, engine):
    kim = window("kim")
    page = kim.goes("/inbox")
    expect(page.locator("#task-title")).to_have_text("Call the champion")
    page.keyboard.press("j")
    expect(page.locator("#task-title")).to_have_text("Send the agenda")
    expect(page).to_have_url(re.compile(rf"/inbox/{tasks['agenda']}$"))
    page.keyboard.press("k")
    expect(page.locator("#task-title")).to_have_text("Call the champion")
    page.keyboard.press("e")
    expect(page.locator("#task input[type=radio]").first).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("They sign on Friday")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("Completed: Call the champion")
    assert (row(engine, tasks["call"]).outcome, row(engine, tasks["call"]).note) == ("reached", "They sign on Friday")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("s")
    page.keyboard.press("Enter")  # the first choice
    expect(page.locator(".notice.good")).to_contain_text("Snoozed: Send the agenda")
    page.keyboard.press("/")
    page.keyboard.type("review")
    page.keyboard.press("Enter")
    expect(page.locator(".entry .title")).to_have_text(["Prepare the review"])
    assert kim.errors == []


def test_a_phone_shows_the_list_and_then_the_task(window, tasks, engine):
    kim = window("kim", PHONE, has_touch=True)
    page = kim.goes("/inbox")
    expect(page.locator("#task")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Accounts")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Call the champion").click()
    expect(page.locator("#pile")).to_be_hidden()
    page.get_by_role("button", name="Read the tickets").click()
    expect(page.get_by_role("button", name="Read the tickets")).to_have_attribute("aria-pressed", "true")
    page.get_by_text("no answer").click()
    page.get_by_role("button", name="Complete").click()
    expect(page.locator(".notice.good")).to_contain_text("Completed")
    assert row(engine, tasks["call"]).outcome == "no_answer"
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_all_of_it_works_without_a_script(window, tasks, engine):
    page = window("kim", java_script_enabled=False).goes("/inbox")
    page.get_by_role("link", name="Prepare the review").click()
    page.get_by_role("button", name="Hand on…").click()
    page.get_by_role("button", name="Hand on", exact=True).click()
    expect(page.locator(".notice.good")).to_contain_text("Handed on")
    assert row(engine, tasks["review"]).assignee == "lee"
    page.locator("input[name=tasks]").first.check()
    page.get_by_role("button", name="Snooze", exact=True).first.click()
    expect(page.locator(".notice.good")).to_contain_text("1 task snoozed")


def test_news_of_others_come_by_themselves_and_never_over_what_is_being_written(window, tasks, engine):
    kim = window("kim")
    page = kim.goes(f"/inbox/{tasks['call']}")
    expect(page.locator(".entry")).to_have_count(3)
    page.wait_for_function("document.querySelector('.desk').dataset.heard === 'yes'")
    page.locator("#note").fill("Half a thought")
    with engine.begin() as conn:
        desk.reassign(conn, tasks["agenda"], "lee", "lee", NOW)
    expect(page.locator(".entry")).to_have_count(2)
    assert page.locator("#note").input_value() == "Half a thought"
    with engine.begin() as conn:
        desk.comment(conn, tasks["call"], "Ring after four", "lee", NOW)
    expect(page.locator("#lost")).to_contain_text("Somebody changed this task while you were writing")
    assert page.locator("#note").input_value() == "Half a thought"


def test_an_ended_session_costs_no_text(window, tasks, engine):
    kim = window("kim")
    page = kim.goes(f"/inbox/{tasks['call']}")
    page.locator("#note").fill("A long note")
    kim.sign_out()
    page.get_by_text("no answer").click()
    page.get_by_role("button", name="Complete").click()
    expect(page).to_have_url(re.compile("sign-in"))
    assert row(engine, tasks["call"]).state == "open"
    kim.sign_in()
    page = kim.goes(f"/inbox/{tasks['call']}")
    expect(page.locator("#note")).to_have_value("A long note")


def test_without_a_connection_nothing_is_sent_and_nothing_lost(window, tasks, engine):
    kim = window("kim")
    page = kim.goes(f"/inbox/{tasks['call']}")
    page.locator("#note").fill("On the train")
    page.get_by_text("leaving").click()
    page.context.set_offline(True)
    page.get_by_role("button", name="Complete").click()
    expect(page.locator("#lost")).to_contain_text("nothing was sent")
    assert page.locator("#note").input_value() == "On the train"
    page.context.set_offline(False)
    page.get_by_role("button", name="Complete").click()
    expect(page.locator(".notice.good")).to_contain_text("Completed")
    assert row(engine, tasks["call"]).note == "On the train"


def test_the_list_stands_at_the_edge_and_takes_its_whole_width(window, tasks):
    """A list that browsers number stands in by two letters."""
    page = window("kim").goes("/inbox")
    pile, first = page.locator("#pile").bounding_box(), page.locator(".entry").first.bounding_box()
    assert abs(first["x"] - pile["x"]) < 3
    assert abs(first["width"] - pile["width"]) < 6
