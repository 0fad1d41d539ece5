"""Style, script and drawings of the pages: what is asked for by the hash of its content may be kept for ever."""

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"


@cache
def static(name: str) -> str:
    """The address of one file, which changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


class KeptFiles(StaticFiles):
    """Tells browsers to keep what was asked for by the hash of what it holds."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code == 200 and f"/static/{path}?{scope['query_string'].decode('latin-1')}" == static(path):
            answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer
