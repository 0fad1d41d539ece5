"""Forms of our pages: sent by our own pages alone, each with the token of the session it was shown to."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData

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
    """A page: what is sent to it comes from our own pages, and `web.access` compares the token."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            page_request = PageRequest(request.scope, request.receive)
            if request.method not in _SAFE:
                same_origin(page_request)
                page_request.state.form_token = await page_request.token()
            return await handle(page_request)

        return guarded
