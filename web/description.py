"""OpenAPI as this API really is: keys, refusals as problems, and keys that make writes happen once."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from web.repeats import HEADER

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSALS = {
    "4XX": {"description": "Refused; nothing was changed. `what_to_do` says what would help.", "content": _PROBLEM},
    "5XX": {"description": "Not possible now, or our fault.", "content": _PROBLEM},
}
_KEY = {"key": {"type": "http", "scheme": "bearer", "description": "An API key, or TENURE_API_TOKEN."}}
_ONCE = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Carried out once: a repeat with the same key and body gets the same answer, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
}
_WRITES = ("post", "put", "patch", "delete")


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=None
        )
        _complete(document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = _KEY
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            if not path.startswith("/api/"):
                continue
            operation["responses"] |= _REFUSALS
            operation["security"] = [{"key": []}]
            if method in _WRITES:
                operation.setdefault("parameters", []).append(_ONCE)
