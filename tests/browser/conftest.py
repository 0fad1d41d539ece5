"""Pages as people meet them: a real server over a database of the test's own, and Chromium signed in by role."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn

from tests.waiting import PATIENCE
from tests.web.conftest import app, engine, in_book  # noqa: F401 - fixtures
from tests.web.signed_in import Browser, sign_in
from web.access import SESSION_COOKIE

CHROMIUM = shutil.which("chromium")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Ends with the module: as long as it lives, its event loop runs in this process, and no other test's could."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; install chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site(app) -> Iterator[str]:  # noqa: F811 - a fixture asks for another by its name
    """The address of a server of this test's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        config = uvicorn.Config(app, log_level="error", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        free.listen(64)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(timeout=PATIENCE)


@pytest.fixture
def open_as(chromium, site, app, engine) -> Iterator[Callable[..., Any]]:  # noqa: F811 - the same
    """A page of a browser signed in with a role: `open_as("ops", viewport=PHONE, color_scheme="dark")`. Whatever fails
    to load, and whatever a script complains of, fails the test."""
    with ExitStack() as opened:
        complaints: list[str] = []

        def open_(role: Any, person: str | None = None, **context: Any) -> Any:
            with Browser(app) as client:
                secret = sign_in(client, engine, role, person).cookies[SESSION_COOKIE]
            made = opened.enter_context(_closing(chromium.new_context(base_url=site, **context)))
            made.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": site}])
            page = made.new_page()
            page.set_default_timeout(1000 * PATIENCE)
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield open_
        assert complaints == []


@contextmanager
def _closing(context: Any) -> Iterator[Any]:
    try:
        yield context
    finally:
        context.close()


def violations(page: Any, rules: Mapping[str, Any] = RULES) -> list[str]:
    """What axe-core has against a page, one line each: the rule and where.

    All that it has nothing against stays in the browser: written out, that is most of its work.
    """
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(_VIOLATIONS, {**rules, "resultTypes": ["violations"]})
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


_VIOLATIONS = "options => axe.run(document, options).then(found => found.violations)"


def overflows(page: Any) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def tab_to(page: Any, name: str, most: int = 120) -> None:
    """Press Tab until an element of this name has the focus, as somebody without a mouse would."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()").startswith(name):
            return
    raise AssertionError(f"no {name!r} within {most} presses of Tab")


class Person:
    """Somebody at a browser window, who may sign out and in again."""

    def __init__(self, context: Any, app_: Any, engine_: Any, site_: str, key: str, role: Any) -> None:
        self._context, self._app, self._engine, self._site = context, app_, engine_, site_
        self._key, self._role = key, role
        self.sign_in()
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def sign_in(self) -> None:
        with Browser(self._app) as client:
            secret = sign_in(client, self._engine, self._role, self._key).cookies[SESSION_COOKIE]
        self._context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": self._site}])

    def sign_out(self) -> None:
        self._context.clear_cookies()

    def goes(self, path: str) -> Any:
        self.page.goto(f"{self._site}{path}")
        return self.page


@pytest.fixture
def window(chromium, site, app, engine) -> Iterator[Callable[..., Person]]:  # noqa: F811 - the same
    """`window("kim", PHONE, java_script_enabled=False)`: a person at a browser window."""
    with ExitStack() as opened:

        def open_(key: str, viewport: Any = DESK, *, role: Any = "csm", **context: Any) -> Person:
            made = opened.enter_context(_closing(chromium.new_context(viewport=viewport, **context)))
            return Person(made, app, engine, site, key, role)

        yield open_
