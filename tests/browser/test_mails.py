"""Mails as mailboxes show them: on a phone and on a desk, in light and in dark."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.grounds import grounds
from engine.texts.document import MailText
from engine.texts.preview import preview_mail
from engine.workspace import Workspace
from tests.browser.conftest import violations

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium")
PLAYBOOKS = sorted(path.parent for path in (ROOT / "playbooks").glob("*/playbook.yaml"))
HEBREW = MailText(subject="שלום", body="שלום **{{ account.name }}**\n\n- אחת\n\n> ציטוט\n\n[פתח](https://a.example)")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here; install chromium")


def _mails() -> Iterator[tuple[str, str]]:
    for playbook in PLAYBOOKS:
        with grounds(str(playbook), None, None, None) as found:
            values = {**found.texts.people, **found.account.values}
            for name, text in found.named.items():
                made = preview_mail(text, values, found.workspace, asks=found.surveys.get(name))
                yield f"{playbook.name}/{name}", made.html
    workspace = Workspace(name="Acorn", postal_address="1 Long Lane")
    yield "hebrew", preview_mail(HEBREW, {"account.name": "Acme"}, workspace, language="he", asks="nps").html


@pytest.fixture(scope="module")
def mails() -> dict[str, str]:
    return dict(_mails())


_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
_FULLEST = ("nps-follow-up/one-number", "onboarding/welcome", "hebrew")
"""Between them they hold whatever a shipped mail does; to look into all of them takes minutes."""


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (375, "dark"), (1000, "light")])
def test_every_shipped_mail_fits_and_can_be_read(chromium, mails, width, scheme):
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        for name, html in mails.items():
            page.set_content(html)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} wide on {width}"
        for name in _FULLEST:
            page.set_content(mails[name])
            assert violations(page, _RULES) == [], name
    finally:
        page.close()
