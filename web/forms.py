"""Forms of our pages: sent by our own pages alone, each with the token of the session it was shown to."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from store.access import sessions
from store.access.kept_forms import KeptForm, keep_form
from web.access import OldForm, SignInNeeded, for_script, presented, safe_next, to_sign_in, wall_clock
from web.auditing import note_change
from web.deps import WebDeps
from web.guards import same_origin

TOKEN = "csrf"  # noqa: S105 - the name of a field
_SAFE = ("GET", "HEAD")


class PageRequest(Request):
    """A request whose form shows no token to the route: every form has it, and none needs to name it."""

    async def form(self, **limits: Any) -> FormData:  # type: ignore[override]  # awaited, never entered
        sent = await super().form(**limits)
        return FormData([(name, value) for name, value in sent.multi_items() if name != TOKEN])

    async def token(self) -> str:
        sent = await super().form()
        found = sent.get(TOKEN)
        return found if isinstance(found, str) else ""


class PageRoute(APIRoute):
    """A page: what is sent to it comes from our own pages, and `web.access` compares the token.

    A form that comes too late, from a session that has ended or was replaced, is kept: its writer finds it filled in.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            page_request = PageRequest(request.scope, request.receive)
            if request.method in _SAFE:
                return await handle(page_request)
            same_origin(page_request)
            page_request.state.form_token = await page_request.token()
            try:
                response = await handle(page_request)
            except (SignInNeeded, OldForm) as error:
                if for_script(page_request):
                    raise  # its page still has the text
                kept = await run_in_threadpool(_keep, page_request, await page_request.form())
                if kept is None:
                    raise
                return to_sign_in(kept) if isinstance(error, SignInNeeded) else RedirectResponse(kept, 303)
            await note_change(page_request, response)
            return response

        return guarded


def _keep(request: Request, form: FormData) -> str | None:
    """Where the form can be found again; None when nobody is known who wrote it."""
    fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
    deps: WebDeps = request.app.state.deps
    if not fields or request.url.path == "/sign-out" or "\x00" in str(fields):
        return None
    with deps.engine.begin() as conn:
        writer = sessions.person_of(conn, presented(request))
        if writer is None:
            return None
        from_page = safe_next(urlsplit(request.headers.get("referer", "")).path)
        kept = KeptForm(path=request.url.path, page=from_page, fields=fields)
        return f"/kept/{keep_form(conn, writer, kept, wall_clock())}"
