"""Why an account has its score, and why each playbook runs for it or does not: recomputed from facts as known now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.deployed import NothingDeployed, load_playbooks, load_workspace
from store.explain.looking import Looking
from store.explain.playbooks import PlaybookExplained, explain_playbook
from store.explain.scores import ScoreExplained, explain_scores
from store.queries.names import account_name
from store.schema import account


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One account at one instant."""

    account: str
    name: str
    at: datetime
    facts: Mapping[str, Any]
    """What decisions read, as the last sweep left it; None is unknown. Empty before the account's first sweep."""
    scores: tuple[ScoreExplained, ...]
    playbooks: tuple[PlaybookExplained, ...]


def explain(conn: sa.Connection, account_key: str, now: datetime, playbook: str | None = None) -> Explanation | None:
    """None for an account nobody knows; NothingDeployed for a playbook, or workspace, that is not there.

    Without a playbook all are explained but those that are switched off.
    """
    names = sa.select(account.c.id, account_name(account.c.id).label("name")).where(account.c.key == account_key)
    found = conn.execute(names).one_or_none()
    if found is None:
        return None
    workspace = load_workspace(conn)
    deployed = load_playbooks(conn, states=("active", "paused", "off") if playbook else ("active", "paused"))
    if playbook is not None:
        deployed = tuple(one for one in deployed if one.playbook == playbook)
        if not deployed:
            raise NothingDeployed(f"playbook {playbook} is not deployed")
    looking = Looking(conn, workspace, found.id, now)
    return Explanation(
        account=account_key,
        name=found.name or account_key,
        at=now,
        facts={name: looking.field(name) for name in sorted(workspace.catalogue().fields)} if looking.swept else {},
        scores=explain_scores(conn, workspace, looking),
        playbooks=tuple(explain_playbook(conn, one, looking) for one in deployed),
    )
