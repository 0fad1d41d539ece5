"""Requests that bear an `Idempotency-Key` are carried out once; a repeat gets the same answer, marked as one."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from store.access import idempotency
from store.access.idempotency import Earlier
from store.access.keys import Caller
from web.deps import WebDeps
from web.problems import Refusal

HEADER = "Idempotency-Key"
_LONGEST = 200


async def once(request: Request, handle: Callable[[], Awaitable[Response]]) -> Response:
    """The answer to the request, worked out now or before."""
    key = request.headers.get(HEADER)
    if key is None or request.method in ("GET", "HEAD"):
        return await handle()
    if not (0 < len(key) <= _LONGEST and key.isascii() and key.isprintable()):
        detail = f"{HEADER} is empty, too long, or not plain text."
        raise Refusal(400, "Bad key", detail, f"Send up to {_LONGEST} printable ASCII characters, such as a UUID.")
    caller: Caller = request.state.caller
    fingerprint = await _fingerprint(request)
    earlier = await run_in_threadpool(_take, request, caller.name, key, fingerprint)
    if isinstance(earlier, Earlier):
        return _again(earlier)
    try:
        response = await handle()
    except Exception:
        await run_in_threadpool(_let_go, request, caller.name, key)
        raise
    await run_in_threadpool(_keep, request, caller.name, key, response)
    return response


async def _fingerprint(request: Request) -> str:
    head = f"{request.method}\n{request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(head + await request.body()).hexdigest()


def _again(earlier: Earlier) -> Response:
    if not earlier.same:
        detail = f"This {HEADER} was used for another request."
        raise Refusal(422, "Used for another request", detail, "Use a new key for a new request.")
    if earlier.status is None:
        detail = "A request with this key is under way, or was interrupted; nobody knows yet whether it took effect."
        raise Refusal(409, "Not answered yet", detail, "Wait a moment, then look at what it was to change.")
    headers = {"Idempotent-Replayed": "true"}
    return Response(earlier.answer, earlier.status, headers, media_type="application/json")


def _take(request: Request, caller: str, key: str, fingerprint: str) -> Earlier | str:
    deps: WebDeps = request.app.state.deps
    with deps.engine.begin() as conn:
        return idempotency.take_key(conn, caller, key, fingerprint, datetime.now(UTC))


def _keep(request: Request, caller: str, key: str, response: Response) -> None:
    deps: WebDeps = request.app.state.deps
    with deps.engine.begin() as conn:
        body = getattr(response, "body", None)  # a stream has none
        if response.status_code < 400 and body is not None:
            answer = bytes(body).decode()
            idempotency.keep_answer(conn, caller, key, response.status_code, answer)
        else:
            idempotency.let_go(conn, caller, key)


def _let_go(request: Request, caller: str, key: str) -> None:
    deps: WebDeps = request.app.state.deps
    with deps.engine.begin() as conn:
        idempotency.let_go(conn, caller, key)
