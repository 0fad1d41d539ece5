"""What operations do in the studio: by keyboard alone, on a phone, and with nothing that axe-core objects to."""

import pytest
import sqlalchemy as sa

from store import schema
from tests.browser.conftest import DESK, PHONE, overflows, tab_to, violations
from tests.store.book import NOW, days
from tests.web.test_studio import PLAYBOOK, STUCK, WAITS

LONG, RIGHT_TO_LEFT = "Amalgamated " * 60, "شركة الشحن \u202eevil"


@pytest.fixture
def filled(in_book):
    """A book with a stuck run, a held crossing, a mail of unknown outcome, and names that are hard to set."""

    def make(book):
        workspace = book.workspace()
        book.person("kim", "Kim Novak")
        book.playbook(PLAYBOOK.replace(b"audience", b"entry: { holdout: 20 % }\naudience"), workspace)
        ids = []
        for n, (name, band, score) in enumerate(
            ((LONG, "red", 30.0), (RIGHT_TO_LEFT, "yellow", 50.0), ("🚢 Ada", "green", 80.0))
        ):
            ids.append(book.account(f"a{n}/x y", name))
            told = {"field": "account.arr", "value": 100.0 + n, "at": NOW - days(400), "learned_at": NOW}
            book.conn.execute(sa.insert(schema.account_value).values(account_id=ids[n], **told))
            facts = {"account.name": name, "account.arr": 150.0, "health.score": score, "health.band": band}
            book.facts(ids[n], seen=1, **facts, **{"account.renewal_date": (NOW + days(20)).date()})
            book.score(ids[n], 55.0, "yellow", at=NOW - days(60))
            book.score(ids[n], score, band, at=NOW - days(4))
        stuck = book.run(ids[0], standing="stuck", at_step=[STUCK | {"says": "failed: nobody has the role"}])
        waits = book.run(ids[1], at_step=[WAITS])
        book.trace(
            waits, (2, "steps[0]", "task", {"step": "call"}), (1, "steps[1]/until", "waits", {"for_": "wait 3 days"})
        )
        book.ended_run(ids[2])
        book.crossing(ids[1])
        book.crossing(ids[2], state="held_out")
        book.crossing(ids[1], state="held", why="cool-down", at=NOW - days(1))
        book.task(waits, ids[1], due_at=NOW - days(2))
        mail = book.mail(waits, ids[1], book.contact(ids[1]), state="unknown", reason="the provider was lost")
        book.conn.execute(
            sa.insert(schema.sweep).values(at=NOW, finished=True, counts={"failed": {"risk-recovery": "no such field"}})
        )
        return {"stuck": stuck, "waits": waits, "mail": mail}

    return in_book(make)


def pages(ids):
    at = "/playbooks/risk-recovery"
    return [
        *("/", "/overview/movement", "/overview/late_tasks", "/playbooks", at, f"{at}/source", f"{at}/versions"),
        *(f"{at}/candidates", "/errors", "/runs", f"/runs/{ids['stuck']}", f"/runs/{ids['waits']}"),
        *("/mails", f"/mails/{ids['mail']}"),
    ]


@pytest.mark.stage
@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_axe_has_nothing_against_any_page_and_all_fit(open_as, filled, viewport, scheme):
    page = open_as("ops", viewport=viewport, color_scheme=scheme)
    for path in pages(filled):
        page.goto(path)
        assert not overflows(page), path
        assert violations(page) == [], path


def test_a_playbook_is_paused_and_resumed_by_keyboard_alone(open_as, filled, engine):
    page = open_as("ops", viewport=DESK)
    page.goto("/")
    tab_to(page, "Skip to content")
    tab_to(page, "Playbooks")
    page.keyboard.press("Enter")
    page.wait_for_url("**/playbooks")
    tab_to(page, "Recover an account")
    page.keyboard.press("Enter")
    page.wait_for_url("**/playbooks/risk-recovery")
    tab_to(page, "Pause")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Paused").wait_for()
    tab_to(page, "Resume")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Active again").wait_for()
    assert facts(engine, filled["waits"]) == ["pause", "resume"]


def test_switching_off_asks_once_more_without_a_script(open_as, filled, engine):
    page = open_as("ops", viewport=DESK, java_script_enabled=False)
    page.goto("/playbooks/risk-recovery")
    page.get_by_text("Switch off", exact=True).click()
    assert facts(engine, filled["waits"]) == []
    page.get_by_role("button", name="Switch off and end the runs").click()
    assert page.get_by_role("status").inner_text().startswith("Switched off")
    assert facts(engine, filled["waits"]) == ["end"]


def test_on_a_phone_a_failed_step_is_tried_again_and_a_mail_is_settled(open_as, filled, engine):
    page = open_as("ops", viewport=PHONE)
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Error queue").click()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("The run is told to try its failed step again").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("That was said already").wait_for()
    page.get_by_role("button", name="It was sent").click()
    page.get_by_text("Noted: the mail was sent").wait_for()
    assert facts(engine, filled["stuck"]) == ["retry"]


def test_a_figure_leads_to_its_accounts_and_its_definition_is_one_click_away(open_as, filled):
    page = open_as("ops", viewport=DESK)
    page.goto("/")
    page.get_by_label("How ARR at risk is worked out").click()
    page.get_by_text("The sum of account.arr over the accounts of the book").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="150", exact=True).click()
    page.wait_for_url("**/overview/at_risk?*")
    assert page.get_by_role("heading", level=1).inner_text().startswith("ARR at risk")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "at_risk.csv"


def facts(engine, run_id):
    with engine.connect() as conn:
        of = schema.outbox.c
        rows = conn.execute(sa.select(of.fact).where(of.run_id == run_id).order_by(of.n)).scalars()
        return [fact["kind"] for fact in rows]
