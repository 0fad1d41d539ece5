"""Everything that happened with an account, and everything that did not and why, latest first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from store.postgres.statements import Given, kept
from store.queries.names import person_name, playbook_title
from store.schema import account_note, crossing, event, mail, person, run, score, score_override, task
from store.schema.base import AT, ID

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
    rows = kept(("timeline",), _everything).read(conn, {"account": account_id, "until": until})
    found = [moment for row in rows for moment in _SOURCES[row.source][1](row.told) if moment.at < until]
    found.sort(key=lambda moment: moment.at, reverse=True)
    return tuple(found[:SHOWN])


Told = Mapping[str, Any]
"""A row as JSON, so that eight kinds of rows come by one statement."""


def _everything() -> sa.CompoundSelect[Any]:
    parts = ((name, made[0]().limit(SHOWN).subquery()) for name, made in _SOURCES.items())
    told = (
        sa.select(sa.literal(name).label("source"), sa.func.to_jsonb(part.table_valued()).label("told"))
        for name, part in parts
    )
    return sa.union_all(*told)


_ACCOUNT, _UNTIL = Given("account", ID), Given("until", AT)


def _at(told: Told, name: str) -> datetime:
    return datetime.fromisoformat(told[name])


def _crossings() -> sa.Select[Any]:
    of, at = crossing.c, sa.func.coalesce(crossing.c.decided_at, crossing.c.at)
    named = playbook_title(of.playbook, of.version).label("title")
    wanted = (of.account_id == _ACCOUNT, at < _UNTIL, of.state != "proposed")
    columns = (of.playbook, of.state, of.why, of.reasons, of.run_id, at.label("at"), named)
    return sa.select(*columns).where(*wanted).order_by(at.desc())


def _crossed(told: Told) -> Iterator[Moment]:
    at, name = _at(told, "at"), told["title"] or told["playbook"]
    says = "; ".join(reason.get("says", "") for reason in told["reasons"])
    if told["state"] == "started":
        yield Moment(at=at, kind="start", title=f"{name} started", detail=says, tone="good", run_id=told["run_id"])
    else:
        why = f"{says}, but {told['why']}" if told["why"] else says
        yield Moment(at=at, kind="not", title=f"{name} {_NOT[told['state']]}", detail=why, tone="quiet")


_NOT = {
    "held_out": "was held out for comparison",
    "held": "is held back",
    "lapsed": "did not start: the moment passed",
    "dropped": "did not start",
    "not_started": "did not start",
}


def _ends() -> sa.Select[Any]:
    of = run.c
    wanted = (of.account_id == _ACCOUNT, of.state == "ended", of.ended_at < _UNTIL)
    title = playbook_title(of.playbook, of.version).label("title")
    columns = (of.id, of.playbook, of.outcome, of.reason, of.ended_at, title)
    return sa.select(*columns).where(*wanted).order_by(of.ended_at.desc())


def _ended(told: Told) -> Iterator[Moment]:
    tone: Tone = {"goal": "good", "failed": "bad"}.get(told["outcome"], "")  # type: ignore[assignment]  # two of them
    title = f"{told['title'] or told['playbook']} ended"
    detail = told["reason"] or ""
    yield Moment(at=_at(told, "ended_at"), kind="end", title=title, detail=detail, tone=tone, run_id=told["id"])


def _mails() -> sa.Select[Any]:
    of, at = mail.c, sa.func.coalesce(mail.c.settled_at, mail.c.created_at)
    columns = (of.id, of.subject, of.to_name, of.state, of.reason, at.label("at"))
    return sa.select(*columns).where(of.account_id == _ACCOUNT, at < _UNTIL).order_by(at.desc())


def _mailed(told: Told) -> Iterator[Moment]:
    state, subject = told["state"], told["subject"]
    title = f"Mail to {told['to_name']}: {subject}" if state == "sent" else f"Mail not sent: {subject}"
    if state in ("prepared", "handing_over"):
        title = f"Mail on its way to {told['to_name']}: {subject}"
    kind: Kind = "not" if state in ("skipped", "refused") else "mail"
    tone: Tone = "bad" if state in ("refused", "unknown") else "quiet" if state == "skipped" else ""
    detail = told["reason"] or ""
    yield Moment(at=_at(told, "at"), kind=kind, title=title, detail=detail, tone=tone, mail_id=told["id"])


def _tasks() -> sa.Select[Any]:
    of = task.c
    columns = (of.id, of.title, of.state, of.outcome, of.note, of.settled_at, of.created_at)
    names = (person_name(of.assignee).label("whose"), person_name(of.settled_by).label("who"))
    wanted = (of.account_id == _ACCOUNT, of.created_at < _UNTIL)
    return sa.select(*columns, *names).where(*wanted).order_by(of.created_at.desc())


def _given_and_settled(told: Told) -> Iterator[Moment]:
    title, id_ = told["title"], told["id"]
    given = f"Task for {told['whose'] or 'nobody'}: {title}"
    yield Moment(at=_at(told, "created_at"), kind="task", title=given, task_id=id_)
    if told["settled_at"] is not None:
        done = told["state"] == "done"
        how = told["state"]
        if done:
            how = f"{(told['outcome'] or '').replace('_', ' ')}, by {told['who'] or 'somebody'}"
        yield Moment(
            at=_at(told, "settled_at"),
            kind="task" if done else "not",
            title=f"{title}: {how}",
            detail=told["note"] or "",
            tone="good" if done else "quiet",
            task_id=id_,
        )


def _scores() -> sa.Select[Any]:
    """Where the band changed: a score that only trembles is no news."""
    before = sa.func.lag(score.c.band).over(partition_by=score.c.card, order_by=(score.c.at, score.c.id))
    lines = (
        sa.select(score.c.at, score.c.card, score.c.value, score.c.band, before.label("before"))
        .where(score.c.account_id == _ACCOUNT, score.c.at < _UNTIL)
        .subquery()
    )
    return sa.select(lines).where(lines.c.band.is_distinct_from(lines.c.before)).order_by(lines.c.at.desc())


def _scored(told: Told) -> Iterator[Moment]:
    value = "unknown" if told["value"] is None else f"{told['value']:.0f}"
    came = f", from {told['before']}" if told["before"] else ""
    tone: Tone = {"red": "bad", "yellow": "warn", "green": "good"}.get(told["band"], "")  # type: ignore[assignment]
    title = f"{_called(told['card'])} is {told['band'] or 'unknown'}{came}"
    yield Moment(at=_at(told, "at"), kind="score", title=title, detail=value, tone=tone)


def _overrides() -> sa.Select[Any]:
    of = score_override.c
    names = (person_name(of.author).label("whose"), person_name(of.ended_by).label("who"))
    wanted = (of.account_id == _ACCOUNT, of.since < _UNTIL)
    return sa.select(score_override, *names).where(*wanted).order_by(of.since.desc(), of.id.desc())


def _overridden(told: Told) -> Iterator[Moment]:
    name, value = _called(told["card"]), float(told["value"])
    title = f"{name} overridden to {value:g} by {told['whose'] or told['author']}"
    yield Moment(at=_at(told, "since"), kind="score", title=title, detail=told["reason"], tone="warn")
    over = _at(told, "ended_at" if told["ended_at"] else "until")
    how = f"ended by {told['who'] or told['ended_by']}" if told["ended_at"] else "is over"
    yield Moment(at=over, kind="score", title=f"{name}: the override {how}", tone="quiet")


def _events() -> sa.Select[Any]:
    """What the customer did, by kind and week: of a thousand log-ins one line is enough."""
    latest = (
        sa.select(event.c.type, event.c.at)
        .where(event.c.account_id == _ACCOUNT, event.c.at < _UNTIL)
        .order_by(event.c.at.desc())
        .limit(10 * SHOWN)
        .subquery()
    )
    at, week = sa.func.max(latest.c.at), sa.func.date_trunc("week", latest.c.at)
    grouped = sa.select(latest.c.type, at.label("at"), sa.func.count().label("n")).group_by(latest.c.type, week)
    return grouped.order_by(at.desc())


def _happened(told: Told) -> Iterator[Moment]:
    times = f", {told['n']:,} times in a week" if told["n"] > 1 else ""
    name = _called(told["type"].replace(".", " "))
    yield Moment(at=_at(told, "at"), kind="event", title=f"{name}{times}", tone="quiet")


def _notes() -> sa.Select[Any]:
    of = account_note.c
    said = sa.select(account_note, person.c.name).outerjoin(person, person.c.key == of.by)
    return said.where(of.account_id == _ACCOUNT, of.at < _UNTIL).order_by(of.at.desc())


def _noted(told: Told) -> Iterator[Moment]:
    title = f"{told['name'] or told['by']} noted"
    yield Moment(at=_at(told, "at"), kind="note", title=title, detail=told["text"])


def _called(name: str) -> str:
    return name.replace("_", " ").capitalize()


_SOURCES: Mapping[str, tuple[Callable[[], sa.Select[Any]], Callable[[Told], Iterator[Moment]]]] = {
    "crossing": (_crossings, _crossed),
    "end": (_ends, _ended),
    "mail": (_mails, _mailed),
    "task": (_tasks, _given_and_settled),
    "score": (_scores, _scored),
    "override": (_overrides, _overridden),
    "event": (_events, _happened),
    "note": (_notes, _noted),
}
