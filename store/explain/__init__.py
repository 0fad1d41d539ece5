"""Why an account has its score, and why each playbook runs for it or does not: recomputed from facts as known now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.entry import PlaybookState
from engine.health.scorecards import card_for
from engine.workspace import Workspace
from store.current.touched import Touched
from store.deployed import NothingDeployed, load_playbooks, load_playbooks_at, load_workspace
from store.explain.dealings import read_dealings
from store.explain.knowledge import told_at
from store.explain.looking import Looking, LookingBack
from store.explain.playbooks import PlaybookExplained, explain_playbook
from store.explain.scores import Lever, ScoreExplained, explain_scores, levers_to
from store.forgetting import check_kept
from store.postgres.statements import Given, kept
from store.queries.names import account_name
from store.schema import account, change
from store.schema.base import TEXT


@dataclass(frozen=True, kw_only=True)
class Told:
    """Where a value comes from."""

    how: Literal["told", "computed", "scored"]
    at: datetime | None = None
    """Told: since when it is true."""
    learned_at: datetime | None = None
    """Told: when we heard of it."""
    of: str = ""
    """Computed: the expression."""


@dataclass(frozen=True, kw_only=True)
class ScoreLevers:
    """What would move a score to a value."""

    name: str
    """`health.score`"""
    to: float
    levers: tuple[Lever, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One account at one instant."""

    account: str
    name: str
    at: datetime
    zone: str
    """By whose clock its days begin."""
    unread: bool
    """Something was told of it since the last sweep, which the next one reads; never of the past."""
    facts: Mapping[str, Any]
    """What decisions read, as the last sweep left it; None is unknown. Empty before the account's first sweep."""
    told: Mapping[str, Told]
    """By field: where its value comes from."""
    scores: tuple[ScoreExplained, ...]
    playbooks: tuple[PlaybookExplained, ...]
    levers: tuple[ScoreLevers, ...]
    """For each score that some condition would have to see elsewhere."""


def explain(
    conn: sa.Connection,
    account_key: str,
    now: datetime,
    playbook: str | None = None,
    *,
    at: datetime | None = None,
    apart: bool = True,
) -> Explanation | None:
    """None for an account nobody knows; NothingDeployed for a playbook, or workspace, that is not there.

    Without a playbook all are explained but those that are switched off. `at` is an earlier instant: then everything is
    as it was known at that instant, by the playbooks that were in force then and the scorecards of today. HistoryGone
    for one from before what is kept. `apart`: whether conditions are taken apart, and levers found.
    """
    found = kept(("explain", "account"), _named).read_one(conn, {"key": account_key})
    if found is None or (at is not None and found.learned_at > at):
        return None
    workspace = load_workspace(conn)
    if at is not None:
        check_kept(conn, workspace, at)
    states: tuple[PlaybookState, ...] = ("active", "paused", "off") if playbook else ("active", "paused")
    deployed = load_playbooks(conn, states=states) if at is None else load_playbooks_at(conn, at, states=states)
    if playbook is not None:
        deployed = tuple(one for one in deployed if one.playbook == playbook)
        if not deployed:
            raise NothingDeployed(f"playbook {playbook} {'is' if at is None else 'was'} not deployed")
    looking = (
        Looking(conn, workspace, found.id, now, apart=apart)
        if at is None
        else LookingBack(conn, workspace, found.id, at)
    )
    told = told_at(conn, looking.account_id, looking.now)
    scores = explain_scores(conn, workspace, looking, {name: moments[0] for name, moments in told.items()})
    dealings = read_dealings(conn, found.id, at)
    playbooks = tuple(explain_playbook(one, looking, dealings) for one in deployed)
    return Explanation(
        account=account_key,
        name=found.name or account_key,
        at=looking.now,
        zone=looking.place.zone,
        unread=found.unread and at is None,
        told=_told(looking, told),
        facts={name: looking.field(name) for name in sorted(workspace.catalogue().fields)} if looking.swept else {},
        scores=scores,
        playbooks=playbooks,
        levers=_levers(workspace, looking, scores, playbooks),
    )


def _named() -> sa.Select[Any]:
    # A change that touches nothing asks for one more look, as when a run has ended.
    is_told = change.c.touched.is_distinct_from(int(Touched.NOTHING))
    unread = sa.exists().where(change.c.account_id == account.c.id, is_told).label("unread")
    named = sa.select(account.c.id, account.c.learned_at, account_name(account.c.id).label("name"), unread)
    return named.where(account.c.key == Given("key", TEXT))


def _told(looking: Looking, told: Mapping[str, tuple[datetime, datetime]]) -> Mapping[str, Told]:
    found = {field: Told(how="told", at=at, learned_at=learned_at) for field, (at, learned_at) in told.items()}
    for one in looking.workspace.computed:
        text = (
            one.expression.text if one.expression else ", ".join(f"{value} if {when.text}" for value, when in one.cases)
        )
        found[one.name] = Told(how="computed", of=text)
    for card in looking.workspace.scorecards:
        found |= {field.name: Told(how="scored", of=card.id) for field in card.fields()}
    return found


def _levers(
    workspace: Workspace,
    looking: Looking,
    scores: tuple[ScoreExplained, ...],
    playbooks: tuple[PlaybookExplained, ...],
) -> tuple[ScoreLevers, ...]:
    wanted = {
        (change.name, change.to): None
        for one in playbooks
        for read in one.conditions()
        for change in read.changes or ()
        if isinstance(change.to, float)
    }
    found = []
    for explained in scores:
        card = card_for(workspace.cards()[explained.card], looking)
        name = f"{explained.card}.score"
        lines = [to for of, to in wanted if of == name]
        if card is not None:
            found += [ScoreLevers(name=name, to=to, levers=levers_to(to, explained, card)) for to in lines]
    return tuple(found)
