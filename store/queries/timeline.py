"""Everything that happened with an account, and everything that did not and why, latest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from store.queries.names import person_name, playbook_title
from store.schema import account_note, crossing, event, mail, person, run, score, score_override, task

Kind = Literal["start", "not", "end", "mail", "task", "score", "event", "note"]
Tone = Literal["", "good", "bad", "warn", "quiet"]
SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened, or did not."""

    at: datetime
    kind: Kind
    title: str
    detail: str = ""
    tone: Tone = ""
    run_id: int | None = None
    mail_id: int | None = None
    task_id: int | None = None


def timeline(conn: sa.Connection, account_id: int, until: datetime) -> tuple[Moment, ...]:
    """The latest before `until`, which is how to go back further: hand in the last one's instant."""
    found = [moment for source in _SOURCES for moment in source(conn, account_id, until)]
    found.sort(key=lambda moment: moment.at, reverse=True)
    return tuple(found[:SHOWN])


def _crossings(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    at = sa.func.coalesce(crossing.c.decided_at, crossing.c.at)
    named = playbook_title(crossing.c.playbook, crossing.c.version).label("title")
    wanted = (crossing.c.account_id == account_id, at < until, crossing.c.state != "proposed")
    rows = conn.execute(sa.select(crossing, at.label("when"), named).where(*wanted).order_by(at.desc()).limit(SHOWN))
    for row in rows:
        name, says = row.title or row.playbook, "; ".join(reason.get("says", "") for reason in row.reasons)
        if row.state == "started":
            yield Moment(
                at=row.when, kind="start", title=f"{name} started", detail=says, tone="good", run_id=row.run_id
            )
        else:
            why = f"{says}, but {row.why}" if row.why else says
            yield Moment(at=row.when, kind="not", title=f"{name} {_NOT[row.state]}", detail=why, tone="quiet")


_NOT = {
    "held_out": "was held out for comparison",
    "held": "is held back",
    "lapsed": "did not start: the moment passed",
    "dropped": "did not start",
    "not_started": "did not start",
}


def _ends(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    title = playbook_title(run.c.playbook, run.c.version).label("title")
    wanted = (run.c.account_id == account_id, run.c.state == "ended", run.c.ended_at < until)
    for row in conn.execute(sa.select(run, title).where(*wanted).order_by(run.c.ended_at.desc()).limit(SHOWN)):
        tone: Tone = {"goal": "good", "failed": "bad"}.get(row.outcome, "")  # type: ignore[assignment]  # two of them
        name = row.title or row.playbook
        yield Moment(at=row.ended_at, kind="end", title=f"{name} ended", detail=row.reason, tone=tone, run_id=row.id)


def _mails(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    at = sa.func.coalesce(mail.c.settled_at, mail.c.created_at)
    columns = (mail.c.id, mail.c.subject, mail.c.to_name, mail.c.state, mail.c.reason, mail.c.run_id, at.label("when"))
    wanted = (mail.c.account_id == account_id, at < until)
    for row in conn.execute(sa.select(*columns).where(*wanted).order_by(at.desc()).limit(SHOWN)):
        sent = row.state == "sent"
        title = f"Mail to {row.to_name}: {row.subject}" if sent else f"Mail not sent: {row.subject}"
        if row.state in ("prepared", "handing_over"):
            title = f"Mail on its way to {row.to_name}: {row.subject}"
        kind: Kind = "not" if row.state in ("skipped", "refused") else "mail"
        tone: Tone = "bad" if row.state in ("refused", "unknown") else "quiet" if row.state == "skipped" else ""
        yield Moment(at=row.when, kind=kind, title=title, detail=row.reason or "", tone=tone, mail_id=row.id)


def _tasks(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    columns = (task.c.id, task.c.title, task.c.state, task.c.outcome, task.c.note, task.c.settled_at, task.c.created_at)
    names = (person_name(task.c.assignee).label("whose"), person_name(task.c.settled_by).label("who"))
    wanted = (task.c.account_id == account_id, task.c.created_at < until)
    for row in conn.execute(sa.select(*columns, *names).where(*wanted).order_by(task.c.created_at.desc()).limit(SHOWN)):
        yield Moment(
            at=row.created_at, kind="task", title=f"Task for {row.whose or 'nobody'}: {row.title}", task_id=row.id
        )
        if row.settled_at is not None and row.settled_at < until:
            done = row.state == "done"
            how = f"{(row.outcome or '').replace('_', ' ')}, by {row.who or 'somebody'}" if done else row.state
            yield Moment(
                at=row.settled_at,
                kind="task" if done else "not",
                title=f"{row.title}: {how}",
                detail=row.note or "",
                tone="good" if done else "quiet",
                task_id=row.id,
            )


def _scores(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    """Where the band changed: a score that only trembles is no news."""
    before = sa.func.lag(score.c.band).over(partition_by=score.c.card, order_by=(score.c.at, score.c.id))
    lines = (
        sa.select(score.c.at, score.c.card, score.c.value, score.c.band, before.label("before"))
        .where(score.c.account_id == account_id, score.c.at < until)
        .subquery()
    )
    changed = lines.c.band.is_distinct_from(lines.c.before)
    for row in conn.execute(sa.select(lines).where(changed).order_by(lines.c.at.desc()).limit(SHOWN)):
        value = "unknown" if row.value is None else f"{row.value:.0f}"
        came = f", from {row.before}" if row.before else ""
        tone: Tone = {"red": "bad", "yellow": "warn", "green": "good"}.get(row.band, "")  # type: ignore[assignment]
        name = row.card.replace("_", " ").capitalize()
        yield Moment(at=row.at, kind="score", title=f"{name} is {row.band or 'unknown'}{came}", detail=value, tone=tone)


def _overrides(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    of = score_override.c
    names = (person_name(of.author).label("whose"), person_name(of.ended_by).label("who"))
    wanted = (of.account_id == account_id, of.since < until)
    rows = sa.select(score_override, *names).where(*wanted).order_by(of.since.desc(), of.id.desc()).limit(SHOWN)
    for row in conn.execute(rows):
        name = row.card.replace("_", " ").capitalize()
        title = f"{name} overridden to {row.value:g} by {row.whose or row.author}"
        yield Moment(at=row.since, kind="score", title=title, detail=row.reason, tone="warn")
        over = row.ended_at or row.until
        if over < until:
            how = f"ended by {row.who or row.ended_by}" if row.ended_at else "is over"
            yield Moment(at=over, kind="score", title=f"{name}: the override {how}", tone="quiet")


def _events(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    """What the customer did, by kind and week: of a thousand log-ins one line is enough."""
    latest = (
        sa.select(event.c.type, event.c.at)
        .where(event.c.account_id == account_id, event.c.at < until)
        .order_by(event.c.at.desc())
        .limit(10 * SHOWN)
        .subquery()
    )
    week = sa.func.date_trunc("week", latest.c.at)
    grouped = sa.select(latest.c.type, sa.func.max(latest.c.at).label("at"), sa.func.count().label("n"))
    for row in conn.execute(grouped.group_by(latest.c.type, week)):
        times = f", {row.n:,} times in a week" if row.n > 1 else ""
        name = row.type.replace("_", " ").replace(".", " ").capitalize()
        yield Moment(at=row.at, kind="event", title=f"{name}{times}", tone="quiet")


def _notes(conn: sa.Connection, account_id: int, until: datetime) -> Iterator[Moment]:
    said = sa.select(account_note, person.c.name).outerjoin(person, person.c.key == account_note.c.by)
    wanted = (account_note.c.account_id == account_id, account_note.c.at < until)
    for row in conn.execute(said.where(*wanted).order_by(account_note.c.at.desc()).limit(SHOWN)):
        yield Moment(at=row.at, kind="note", title=f"{row.name or row.by} noted", detail=row.text)


_SOURCES: tuple[Callable[[sa.Connection, int, datetime], Iterator[Any]], ...] = (
    *(_crossings, _ends, _mails, _tasks),
    *(_scores, _overrides, _events, _notes),
)
