"""axe-core finds nothing on any page, at desk and phone width, light and dark; and no page is wider than its window."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import DESK, PHONE
from tests.web.every_page import addresses, full_book

pytestmark = pytest.mark.stage
ODD = "<script>alert(1)</script> حساب " + "n" * 300


@pytest.fixture
def book(in_book):
    return in_book(lambda book: full_book(book, ODD))


@pytest.fixture(params=[(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")], ids=str)
def kim(request, window):
    """An admin with tasks, who may open every page."""
    viewport, scheme = request.param
    return window("kim", viewport, role="admin", color_scheme=scheme, reduced_motion="reduce")


def test_every_page_is_for_everybody(kim, book):
    found = [fault for path in ("/nothing", *addresses(book, most=2)) for fault in faults(kim.goes(path), path)]
    assert not found, "\n".join(found)
    # That of the page that is not there, and of the script in a mail.
    expected = ("404", "Blocked script execution")
    assert [error for error in kim.errors if not any(one in error for one in expected)] == []


def test_so_are_the_pages_that_ask_for_what_a_button_lacks(kim, book):
    page = kim.goes(f"/inbox/{book['task']}")
    page.get_by_role("button", name="Hand on…").last.click()
    page.wait_for_url("**/hand-on")
    found = faults(page, "to whom")
    page = kim.goes("/inbox")
    page.locator(".pick").first.check()
    page.get_by_role("button", name="Complete…").click()
    page.wait_for_url("**/at-once")
    assert [*found, *faults(page, "how it went")] == []


def faults(page, path):
    """What axe-core and the window's width have against a page."""
    found = []
    for violation in Axe().run(page).response["violations"]:
        places = [node["target"] for node in violation["nodes"]][:3]
        found.append(f"{path}: {violation['id']}: {violation['help']} at {places}")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{path}: wider than the window")
    return found
