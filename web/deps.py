"""What the web is handed: nothing here reads the environment or opens a connection."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request

from web.openid import OpenId


@dataclass(frozen=True, kw_only=True)
class WebDeps:
    """Put together by `app`; a test hands in its own."""

    engine: sa.Engine = field(repr=False)
    temporal_answers: Callable[[], Awaitable[bool]]
    """Asks Temporal for a sign of life; an exception counts as no."""
    api_token: str | None = field(default=None, repr=False)
    """A key of the JSON API that may everything, besides those in the database."""
    signing_key: str | None = field(default=None, repr=False)
    """What links in mails are signed with; None: the database's own key."""
    calls_per_second: float = 50.0
    """How often one API key may call, for longer than a few seconds."""
    public_url: str | None = None
    """The address people reach the pages at, without a final slash, where the request does not say."""
    sendgrid_key: Callable[[], str | None] = lambda: None
    """What SendGrid's events are signed with, as it is set at the moment; None: no events are expected."""
    replies_secret: Callable[[], str | None] = lambda: None
    """What posts of replies have in their address, as it is set at the moment; None: no posts are expected."""
    temporal_ui: str | None = None
    """The address of Temporal's own pages, without a final slash, to link runs to."""
    tell_private: bool = False
    """Whether programs that are told what happens may be called by plain http, in a private network."""
    openid: OpenId | None = None
    """The organisation's identity provider."""
    temporal_namespace: str = "default"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for a page that only reads: every statement for itself, and no transaction to take back.

        After a rollback psycopg forgets the statements it had prepared, and PostgreSQL would plan all of them anew.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            yield conn

    @property
    def https(self) -> bool:
        """Whether people reach the pages by HTTPS, even where a proxy ends it."""
        return (self.public_url or "").startswith("https://")


async def _handed(request: Request) -> WebDeps:
    deps: WebDeps = request.app.state.deps
    return deps


Deps = Annotated[WebDeps, Depends(_handed)]
