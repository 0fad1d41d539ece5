"""The API for a person's word in the place of a score."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from store import clock
from store.current import overrides
from store.inbox import accounts
from web.access import Administers
from web.auditing import record
from web.bodies import Filter, Line, Note, StrictRoute
from web.deps import Deps
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["accounts"])


class Overriding(BaseModel):
    """A person's word, and until when it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Annotated[float, Field(ge=0, le=100)]
    until: AwareDatetime
    """At most a year ahead."""
    reason: Note
    author: Line
    """Whose word it is: a colleague, by key."""
    card: Filter = ""
    """Not needed where there is one only."""


class Ending(BaseModel):
    """Whose card's own score comes back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: Filter = ""
    """Empty: of every card."""


# A key may hold slashes.
@api.post("/accounts/{key:path}/override")
def override_score(request: Request, deps: Deps, _: Administers, key: str, sent: Overriding) -> overrides.Override:
    """Stands for the score from the next sweep on, in the place of any other override."""
    with deps.engine.begin() as conn:
        account_id, card = _account(conn, key), sent.card or None
        made = overrides.override(
            conn, account_id, sent.value, sent.reason, sent.until, sent.author, clock.now(conn), card=card
        )
        if isinstance(made, overrides.NotOverridden):
            raise Refusal(422, "Not overridden", f"{made.message}.", f"{made.hint}.")
        record(conn, request, "score_overridden", f"account {key}", **made.audited())
    return made


@api.post("/accounts/{key:path}/override/end")
def end_override(
    request: Request, deps: Deps, caller: Administers, key: str, sent: Ending
) -> tuple[overrides.Override, ...]:
    """Those that were in force; none where there was none."""
    with deps.engine.begin() as conn:
        account_id, now = _account(conn, key), clock.now(conn)
        ended = overrides.end_override(conn, account_id, caller.name, now, card=sent.card or None)
        if isinstance(ended, overrides.NotOverridden):
            raise Refusal(422, "Not ended", f"{ended.message}.", f"{ended.hint}.")
        for one in ended:
            record(conn, request, "override_ended", f"account {key}", **one.audited())
    return tuple(ended)


def _account(conn: sa.Connection, key: str) -> int:
    found = accounts.account_id_of(conn, key)
    if found is None:
        raise not_found("account", key[:100], "/api/v1/accounts")
    return found
