"""The description of the JSON API, for programs and the tools that write them."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from web.access import Public
from web.description import describe
from web.guards import OPENAPI

router = APIRouter(include_in_schema=False, dependencies=[Public])


@router.get(OPENAPI)
def description(request: Request) -> JSONResponse:
    """OpenAPI 3.1; it holds no secrets, so it asks for no key."""
    return JSONResponse(describe(request.app))
