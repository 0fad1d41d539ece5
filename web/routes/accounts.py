"""Accounts: where they stand, and why."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from store import clock
from store.deployed import NothingDeployed
from store.explain import Explanation, explain
from store.inbox import accounts
from store.inbox.accounts import Written
from store.postgres.pages import Page
from store.queries.accounts import AccountRow, list_accounts
from web.access import Reads, WritesTasks
from web.bodies import Filter, Line, Note, StrictRoute
from web.deps import Deps
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["accounts"])


class NewNote(BaseModel):
    """What there is to say of an account, and who says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Line
    text: Annotated[Note, Field(min_length=1)]


@api.get("/accounts")
def get_accounts(
    deps: Deps, _: Reads, band: Filter = "", after: Filter = "", limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Page[AccountRow]:
    """Accounts with their scores, in the order they became known."""
    with deps.engine.connect() as conn:
        return list_accounts(conn, band=band, after=after, limit=limit)


# A key may hold slashes.
@api.get("/accounts/{key:path}/explain")
def get_explanation(deps: Deps, _: Reads, key: str, playbook: Filter = "") -> Explanation:
    """Where the scores come from, and why each playbook runs for this account or does not."""
    with deps.engine.connect() as conn:
        try:
            explained = explain(conn, key, clock.now(conn), playbook or None)
        except NothingDeployed as error:
            raise Refusal(404, "Not deployed", f"{error}.", "Deploy it, or ask without it.") from error
    if explained is None:
        raise not_found("account", key, "/api/v1/accounts")
    return explained


@api.get("/accounts/{key:path}/notes")
def get_notes(
    deps: Deps, _: Reads, key: str, after: Filter = "", limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Page[Written]:
    """What people wrote about it, the latest first."""
    with deps.engine.connect() as conn:
        return accounts.list_notes(conn, _account(conn, key), after=after or None, limit=limit)


@api.post("/accounts/{key:path}/notes")
def add_note(deps: Deps, _: WritesTasks, key: str, new: NewNote) -> Page[Written]:
    """Write a note, and see the latest; the same text by the same person right after itself is one note."""
    with deps.engine.begin() as conn:
        account_id = _account(conn, key)
        accounts.add_note(conn, account_id, new.text, new.by, clock.now(conn))
        return accounts.list_notes(conn, account_id, limit=1)


def _account(conn: sa.Connection, key: str) -> int:
    account_id = accounts.account_id_of(conn, key)
    if account_id is None:
        raise not_found("account", key[:100], "/api/v1/accounts")
    return account_id
