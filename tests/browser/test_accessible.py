"""axe-core finds nothing on any page, at desk and phone width, light and dark; and no page is wider than its window."""

import pytest

from tests.browser.conftest import DESK, PHONE, overflows, violations
from tests.web.every_page import addresses, full_book

pytestmark = pytest.mark.stage
ODD = "<script>alert(1)</script> حساب " + "n" * 300


@pytest.fixture
def book(in_book):
    return in_book(lambda book: full_book(book, ODD))


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def kim(request, window):
    """An admin with tasks, who may open every page."""
    return window("kim", request.param, role="admin", reduced_motion="reduce")


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
    """What axe-core and the window's width have against a page: in the light, and then in the dark, for which neither
    the server nor a script of ours does anything."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{path}, {scheme}: {violation}" for violation in violations(page, _EVERY_RULE)]
        if overflows(page):
            found.append(f"{path}, {scheme}: wider than the window")
    return found


_EVERY_RULE: dict[str, str] = {}
