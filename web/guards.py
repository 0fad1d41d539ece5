"""What stands before every route: security headers, the API's keys, pages' forms, and the last net for faults."""

import logging
import math
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.access.keys import Caller
from web.call_rate import CallRate
from web.problems import AWAY, Problem, Refusal, answer, database_away, unexpected

log = logging.getLogger(__name__)

OPENAPI = "/api/v1/openapi.json"

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Mail bodies carry their styles inline, as mail must. They are shown in a sandbox of an origin of its own, where
# nothing runs, loads or leads away.
MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'"
)

_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: browsers would then say `Origin: null` for our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class SecurityHeaders:
    """On every answer, whatever became of the request; a route that sets one itself keeps its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class LastNet:
    """A fault of ours becomes an answer without a traceback, and a line in the log with one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noticing(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            log.exception("a request failed: %s %s", scope["method"], scope["path"])
            await unexpected(scope["path"])(scope, receive, send)


class Readable:
    """Refuses addresses that no table could hold."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\x00" in scope["path"] or b"%00" in scope["query_string"]):
            detail = "The address contains a NUL character."
            problem = Problem(title="Not understood", status=400, detail=detail, what_to_do="Leave it out.")
            await answer(scope["path"], problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def media_type(scope: Scope) -> str:
    """What a request says its body is."""
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()


class BodyLimit:
    """Refuses bodies that are larger than their address takes, announced or not; `…/` is all addresses below."""

    def __init__(
        self,
        app: ASGIApp,
        most: int,
        more_for: Mapping[str, int],
        streamed: Mapping[str, str],
        refused: Callable[[str, str], None],
    ) -> None:
        """`streamed`: addresses that read bodies of this media type piece by piece, and so of any length.

        `refused` is told the path and why.
        """
        self._app = app
        self._most = most
        self._more_for = more_for
        self._streamed = streamed
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._streamed.get(scope["path"]) == media_type(scope):
            await self._app(scope, receive, send)
            return
        most, size = self._most_for(scope["path"]), 0
        detail, what_to_do = f"This address takes {most:,} bytes at most.", "Send it in smaller pieces."
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > most:
            self._refused(scope["path"], "too_large")
            problem = Problem(title="Too large", status=413, detail=detail, what_to_do=what_to_do)
            await answer(scope["path"], problem)(scope, receive, send)
            return

        async def counting() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                self._refused(scope["path"], "too_large")
                raise Refusal(413, "Too large", detail, what_to_do)
            return message

        await self._app(scope, counting, send)

    def _most_for(self, path: str) -> int:
        below = f"{path.rpartition('/')[0]}/"
        return self._more_for.get(path) or self._more_for.get(below) or self._most


class Keys:
    """Everything under /api asks for a key, before any body is read; who presents one is kept with the request."""

    def __init__(self, app: ASGIApp, open_key: Callable[[str], Caller | None], rate: CallRate) -> None:
        """`open_key` says whose key this is, and may ask the database."""
        self._app = app
        self._open_key = open_key
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _asks_for_key(scope["path"]):
            await self._app(scope, receive, send)
            return
        presented = _bearer(scope)
        try:
            caller = await run_in_threadpool(self._open_key, presented) if presented else None
        except AWAY as error:
            away = await database_away(Request(scope), error)
            await away(scope, receive, send)
            return
        if caller is None:
            await answer(scope["path"], _KEY_NEEDED, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
        elif wait := self._rate.wait(caller.name):
            headers = {"Retry-After": str(math.ceil(wait))}
            await answer(scope["path"], _TOO_OFTEN, headers)(scope, receive, send)
        else:
            scope.setdefault("state", {})["caller"] = caller
            await self._app(scope, receive, send)


_KEY_NEEDED = Problem(
    title="Key needed",
    status=401,
    detail="This address asks for an API key, and none or a wrong one was given.",
    what_to_do="Send the header `Authorization: Bearer …` with a key that an admin made, or TENURE_API_TOKEN.",
)
_TOO_OFTEN = Problem(
    title="Too often",
    status=429,
    detail="This key calls more often than it may.",
    what_to_do="Wait as long as Retry-After says; tell many facts in one request.",
)


def _asks_for_key(path: str) -> bool:
    return path.startswith("/api") and path != OPENAPI


def _bearer(scope: Scope) -> str:
    # Header values are bytes, which Starlette shows as Latin-1.
    given = Headers(scope=scope).get("authorization", "").encode("latin-1")
    scheme, _, key = given.partition(b" ")
    return key.strip().decode("utf-8", "surrogateescape") if scheme.lower() == b"bearer" else ""


def same_origin(request: Request) -> None:
    """A dependency of every form: only our own pages may send it. Browsers say where a form comes from."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = site == "same-origin" if site else bool(origin) and urlsplit(origin).netloc == request.headers.get("host")
    if not ours:
        what_to_do = "Open the page here and send the form from there; programs use /api/v1."
        raise Refusal(403, "Not from our page", "This form was not sent from one of our own pages.", what_to_do)
