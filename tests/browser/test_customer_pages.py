"""The pages that customers reach from mails, in a real browser: they fit, can be read and used without a mouse."""

from typing import Any

import pytest

from engine.mail.addresses import address_key
from engine.workspace import load_workspace
from store import clock
from store.deploying.deploy import deploy
from store.responses.links import Links, own_key
from tests.browser.conftest import DESK, PHONE, overflows, violations
from tests.store.book import NOW

pytestmark = pytest.mark.stage

WORKSPACE = b"""
name: Tidewright
mail:
  topics:
    tips: { title: Mehr aus Tidewright herausholen, says: Ein praktischer Tipp alle zwei Wochen. }
    offers: { title: Angebote, opt_in: true }
"""
LOOKS = [(size, scheme) for size in (PHONE, DESK) for scheme in ("light", "dark")]


@pytest.fixture
def path(engine) -> str:
    with engine.begin() as conn:
        clock.set_virtual(conn, NOW)
        deploy(conn, load_workspace({"tenure.yaml": WORKSPACE}), [], NOW)
        links = Links(public_url="", key=own_key(conn))
    return links.preferences(address_key("ann@acme.test"), "tips", "de")


def looked_at(page: Any) -> None:
    assert violations(page) == []
    assert not overflows(page)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_preferences_and_broken_links_fit_and_can_be_read(chromium, site, path, size, scheme):
    context = chromium.new_context(base_url=site, viewport=size, color_scheme=scheme, locale="de-DE")
    try:
        page = context.new_page()
        page.goto(path)
        looked_at(page)
        page.get_by_role("button", name="„Mehr aus Tidewright herausholen“ abbestellen").press("Enter")
        page.get_by_role("status").wait_for()
        looked_at(page)
        page.get_by_label("Angebote", exact=True).press("Space")
        page.get_by_role("button", name="Auswahl speichern").press("Enter")
        page.get_by_text("Ihre Auswahl ist gespeichert.").wait_for()
        assert page.get_by_label("Angebote", exact=True).is_checked()
        page.goto("/u/broken")
        assert page.get_by_role("heading").inner_text() == "Dieser Link funktioniert nicht"
        looked_at(page)
    finally:
        context.close()
