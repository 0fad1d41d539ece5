"""Whether playbooks reach their goals, and whether more often than where they were kept back for comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from engine.turns.walk import RESULTS
from engine.values import Condition
from store.deployed import Deployed, load_playbooks
from store.queries.business.book import Book
from store.queries.business.definition import Definition
from store.queries.business.intervals import Difference, Share, difference
from store.schema import crossing, run

GOALS = Definition(
    id="goals",
    title="Goal rate by playbook",
    says="Of the runs that ended in the period, the share that ended because the goal was reached, with Wilson's"
    " interval of 95 %; runs that were stopped, failed or worked through without the goal count against it. Where a"
    " playbook has a holdout, accounts that started and accounts that were held out are compared alike: of the accounts"
    " that first crossed in the period, the share for which the goal's condition holds today (how long it must hold is"
    " left out), and the difference with Newcombe's interval. A goal that reads what a run did cannot be compared.",
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Accounts for which the goal holds today, by whether they started."""

    started: Share
    held_out: Share
    difference: Difference | None


@dataclass(frozen=True, kw_only=True)
class GoalRate:
    playbook: str
    title: str
    state: str
    goal: str
    """The condition; empty: the playbook has none."""
    open: int
    ended: Share
    """Ended runs that reached the goal."""
    comparison: Comparison | None
    """None: no account was held out, or the goal cannot be compared."""


def goal_rates(book: Book) -> Sequence[GoalRate]:
    """Every playbook, by name."""
    ended, open_ = _runs(book)
    rates = []
    for one in load_playbooks(book.conn, states=("active", "paused", "off")):
        goal = one.compiled.plan.goal
        rates.append(
            GoalRate(
                playbook=one.playbook,
                title=one.compiled.title,
                state=one.state,
                goal=goal.when.text if goal else "",
                open=open_.get(one.playbook, 0),
                ended=ended.get(one.playbook, Share(n=0, of=0)),
                comparison=_comparison(book, one, goal.when) if goal else None,
            )
        )
    return rates


def _runs(book: Book) -> tuple[Mapping[str, Share], Mapping[str, int]]:
    inside = sa.and_(run.c.state == "ended", run.c.ended_at > book.since, run.c.ended_at <= book.now)
    query = (
        sa.select(
            run.c.playbook,
            sa.func.count().filter(run.c.state == "open").label("open"),
            sa.func.count().filter(inside).label("ended"),
            sa.func.count().filter(inside, run.c.outcome == "goal").label("goal"),
        )
        .where(book.sees(run.c.account_id))
        .group_by(run.c.playbook)
    )
    rows = book.conn.execute(query).all()
    return (
        {row.playbook: Share(n=row.goal, of=row.ended) for row in rows},
        {row.playbook: row.open for row in rows},
    )


def _comparison(book: Book, deployed: Deployed, goal: Condition) -> Comparison | None:
    if any(name.startswith(RESULTS) for name in goal.reads):
        return None
    first, sight = _first_crossings(book, deployed.playbook).subquery("first"), book.sight
    holds = sa.func.coalesce(sight.truth(goal), sa.false())
    query = (
        sa.select(first.c.state, sa.func.count().label("of"), sa.func.count().filter(holds).label("n"))
        .join_from(first, sight.source, sight.account_id == first.c.account_id)
        .group_by(first.c.state)
    )
    found = {row.state: Share(n=row.n, of=row.of) for row in book.conn.execute(query)}
    if "held_out" not in found:
        return None
    started, held_out = found.get("started", Share(n=0, of=0)), found["held_out"]
    return Comparison(started=started, held_out=held_out, difference=difference(started, held_out))


def _first_crossings(book: Book, playbook: str) -> sa.Select[tuple[int, str]]:
    """account_id, state: of each account that started or was held out, its first crossing in the period."""
    of = crossing.c
    return (
        sa.select(of.account_id, of.state)
        .ext(distinct_on(of.account_id))
        .where(of.playbook == playbook, of.state.in_(("started", "held_out")), of.at > book.since, of.at <= book.now)
        .order_by(of.account_id, of.at, of.id)
    )


def accounts_of_runs(book: Book, playbook: str, outcome: str) -> sa.Select[tuple[int]]:
    """Accounts with a run that ended in the period; `outcome`: goal | other | held_out | all."""
    if outcome == "held_out":
        first = _first_crossings(book, playbook).subquery("first")
        return sa.select(first.c.account_id).where(first.c.state == "held_out")
    query = sa.select(run.c.account_id).distinct()
    query = query.where(
        run.c.playbook == playbook,
        run.c.state == "ended",
        run.c.ended_at > book.since,
        run.c.ended_at <= book.now,
        book.sees(run.c.account_id),
    )
    if outcome == "all":
        return query
    return query.where(run.c.outcome == "goal" if outcome == "goal" else run.c.outcome.is_distinct_from("goal"))
