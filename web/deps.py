"""What the web is handed: nothing here reads the environment or opens a connection."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request


@dataclass(frozen=True, kw_only=True)
class WebDeps:
    """Put together by `app`; a test hands in its own."""

    engine: sa.Engine = field(repr=False)
    temporal_answers: Callable[[], Awaitable[bool]]
    """Asks Temporal for a sign of life; an exception counts as no."""
    api_token: str | None = field(default=None, repr=False)
    """What callers of the JSON API present; None: it asks for nothing."""
    temporal_ui: str | None = None
    """The address of Temporal's own pages, without a final slash, to link runs to."""
    temporal_namespace: str = "default"


def _handed(request: Request) -> WebDeps:
    deps: WebDeps = request.app.state.deps
    return deps


Deps = Annotated[WebDeps, Depends(_handed)]
