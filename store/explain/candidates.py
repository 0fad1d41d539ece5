"""Who meets a playbook's triggers now, and whether they would start: a bounded look that changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from engine.entry import PlaybookState
from engine.plan import Compiled
from store.current.sight import Sight
from store.deployed import Deployed, NothingDeployed, load_compiled, load_playbooks, load_workspace
from store.explain.dealings import read_dealings
from store.explain.looking import Looking
from store.explain.playbooks import explain_playbook
from store.schema import account

SHOWN = 25


@dataclass(frozen=True, kw_only=True)
class Candidate:
    account: str
    name: str
    arr: float | None
    verdict: str
    says: str
    """Whether it would start, and why not."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    audience: int
    """Accounts in the audience."""
    meeting: int
    """Those of them for which the condition of some trigger holds now."""
    shown: Sequence[Candidate]
    """The largest by ARR."""
    has_conditions: bool
    """False: only dates, events or people start it."""


def candidates_of(conn: sa.Connection, playbook: str, version: int | None, now: datetime) -> Candidates:
    """Of a version as if it were the one in force, with the memories there are; without a number the one that is."""
    current = next((one for one in load_playbooks(conn, states=_ALL) if one.playbook == playbook), None)
    if current is None:
        raise NothingDeployed(f"playbook {playbook} is not deployed")
    if version is not None:
        current = replace(current, compiled=load_compiled(conn, playbook, version), version=version)
    return candidates(conn, current, now)


_ALL: tuple[PlaybookState, ...] = ("active", "paused", "off")


def candidates(conn: sa.Connection, deployed: Deployed, now: datetime) -> Candidates:
    workspace = load_workspace(conn)
    sight = Sight(conn, workspace, now)
    audience, meets = sight.truth(deployed.compiled.audience), _meets(sight, deployed.compiled)
    counted = sa.select(
        sa.func.count().filter(audience).label("audience"),
        (sa.func.count().filter(audience, meets) if meets is not None else sa.literal(0)).label("meeting"),
    ).select_from(sight.source)
    row = conn.execute(counted).one()
    shown = () if meets is None else _shown(conn, sight, audience & meets)
    return Candidates(
        audience=row.audience,
        meeting=row.meeting,
        shown=[_explained(conn, deployed, Looking(conn, workspace, one.id, now), one) for one in shown],
        has_conditions=meets is not None,
    )


def _meets(sight: Sight, compiled: Compiled) -> sa.ColumnElement[bool] | None:
    edges = [sight.truth(one.trips) for one in compiled.triggers if one.kind == "edge"]
    return sa.or_(*edges) if edges else None


def _shown(
    conn: sa.Connection, sight: Sight, true: sa.ColumnElement[bool]
) -> Sequence[sa.Row[tuple[int, str, str, float]]]:
    arr = sa.cast(sight.field("account.arr"), sa.Float)
    name = sa.cast(sight.field("account.name"), sa.Text)
    query = (
        sa.select(account.c.id, account.c.key, name.label("name"), arr.label("arr"))
        .join_from(account, sight.source, sight.account_id == account.c.id)
        .where(true)
        .order_by(arr.desc().nulls_last(), account.c.id)
        .limit(SHOWN)
    )
    return conn.execute(query).all()


def _explained(
    conn: sa.Connection, deployed: Deployed, looking: Looking, row: sa.Row[tuple[int, str, str, float]]
) -> Candidate:
    found = explain_playbook(deployed, looking, read_dealings(conn, looking.account_id))
    return Candidate(account=row.key, name=row.name or row.key, arr=row.arr, verdict=found.verdict, says=found.says)
