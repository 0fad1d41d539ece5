"""Accounts: where they stand, and why."""

from typing import Annotated

from fastapi import APIRouter, Query

from store import clock
from store.deployed import NothingDeployed
from store.explain import Explanation, explain
from store.queries.accounts import AccountRow, list_accounts
from store.queries.pages import Page
from web.access import Reads
from web.bodies import Filter, StrictRoute
from web.deps import Deps
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["accounts"])


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
