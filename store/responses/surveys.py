"""Questions put to contacts: opened by a run, answered once on a public page; the answer becomes facts and is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa

from engine.facts import EventFact, MetricFact
from engine.surveys import ANSWERED, SCALES, Kind
from engine.workspace import Workspace
from store.intake import take_in
from store.postgres.statements import Statement
from store.schema import account, run, survey
from store.telling import tell


@dataclass(frozen=True, kw_only=True)
class Question:
    """A survey as a run opens it."""

    run_id: int
    step: str
    visit: int
    account_id: int
    contact_id: int
    address: str
    asks: Kind
    question: str
    language: str = "en"
    closes_at: datetime


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What its page shows."""

    id: int
    asks: Kind
    question: str
    language: str
    closes_at: datetime
    score: int | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class Thanks:
    """The answer is in force; `repeated` when it was so before."""

    score: int
    repeated: bool = False


@dataclass(frozen=True, kw_only=True)
class NotTaken:
    """The answer was not taken; `score` is the one in force."""

    why: Literal["unknown", "closed", "answered", "out_of_scale"]
    score: int | None = None


def ask(conn: sa.Connection, question: Question, now: datetime) -> int:
    """The id of the survey for (run, step, visit), made when it is not there."""
    values = {**question.__dict__, "address": question.address.casefold(), "created_at": now}
    made = _ASK.read_one(conn, values) or _ASKED.read(conn, values)[0]
    return int(made.id)


def last_asked(conn: sa.Connection, address: str, within: timedelta, now: datetime) -> datetime | None:
    """When this person was last asked anything within a time, whichever account and playbook it was for.

    Held until the caller commits: of two runs that would ask at once, one finds the other's question. A question whose
    mail did not leave was not asked.
    """
    given = {"address": address.casefold(), "since": now - within}
    _HOLD.read(conn, given)
    [last] = _LAST_ASKED.read_column(conn, given)
    return cast("datetime | None", last)


def find_survey(conn: sa.Connection, survey_id: int) -> Survey | None:
    row = conn.execute(sa.select(survey).where(survey.c.id == survey_id)).one_or_none()
    return None if row is None else _survey(row)


def answer(  # noqa: PLR0917 - read aloud: this survey, that score, with a comment, in this workspace, now
    conn: sa.Connection, survey_id: int, score: int, comment: str, workspace: Workspace, now: datetime
) -> Thanks | NotTaken:
    """Take an answer: the metric of its kind and the event learn it, and the run is told. The first score stands.

    Saying the same again is fine, and may bring a comment. Late answers, to a run that has gone on, are facts all the
    same.
    """
    owner = sa.select(survey.c.run_id).where(survey.c.id == survey_id).scalar_subquery()
    conn.execute(sa.select(run.c.id).where(run.c.id == owner).with_for_update(key_share=True))
    row = conn.execute(sa.select(survey).where(survey.c.id == survey_id).with_for_update()).one_or_none()
    if row is None:
        return NotTaken(why="unknown")
    if score not in SCALES[row.asks].scores:
        return NotTaken(why="out_of_scale", score=row.score)
    if row.score is not None and row.score != score:
        return NotTaken(why="answered", score=row.score)
    if row.score is None and now >= row.closes_at:
        return NotTaken(why="closed")
    values: dict[str, Any] = {"comment": comment} if comment else {}
    if row.score is None:
        values |= {"score": score, "answered_at": now}
    if values:
        conn.execute(sa.update(survey).where(survey.c.id == survey_id).values(**values))
    if row.score is not None:
        return Thanks(score=score, repeated=True)
    _learn(conn, row, score, workspace, now)
    told = {"visit": row.visit, "outcome": "answered", "score": score}
    tell(conn, row.run_id, "task", of=row.step, values=told, at=now)
    return Thanks(score=score)


def _learn(conn: sa.Connection, row: sa.Row[Any], score: int, workspace: Workspace, now: datetime) -> None:
    key = conn.execute(sa.select(account.c.key).where(account.c.id == row.account_id)).scalar_one()
    props = {"survey": row.asks, "step": row.step, "score": float(score)}
    facts: list[EventFact | MetricFact] = [
        EventFact(type=ANSWERED, key=f"survey/{row.id}", account=key, at=now, props=props)
    ]
    # Where the metric is worked out from events, it learns from the event alone.
    if row.asks in workspace.pushed:
        facts.append(MetricFact(account=key, metric=row.asks, value=float(score), at=now))
    take_in(conn, facts, known_at=now)


def _survey(row: sa.Row[Any]) -> Survey:
    return Survey(**{name: getattr(row, name) for name in Survey.__dataclass_fields__})


_HOLD = Statement("select pg_advisory_xact_lock(hashtextextended(%(address)s, 7367))")
_ASKS = (*Question.__dataclass_fields__, "created_at")
_ASK = Statement(f"""
    insert into survey ({", ".join(_ASKS)}) values ({", ".join(f"%({name})s" for name in _ASKS)})
    on conflict (run_id, step, visit) do nothing returning id
""")  # noqa: S608 - joined from constants
_ASKED = Statement("select id from survey where run_id = %(run_id)s and step = %(step)s and visit = %(visit)s")
_LAST_ASKED = Statement("""
    select max(created_at) from survey where address = %(address)s and created_at > %(since)s and not exists (
        select from mail where mail.run_id = survey.run_id and mail.step = survey.step and mail.visit = survey.visit
            and mail.state in ('skipped', 'refused'))
""")
