"""What customers say when they are asked: NPS and CSAT from the surveys that playbooks put."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from engine.surveys import Kind
from store.queries.business.book import Book
from store.queries.business.definition import Definition
from store.queries.business.intervals import Share
from store.schema import survey

ASKED_WITHIN = timedelta(days=90)
NPS = Definition(
    id="nps",
    title="NPS",
    says="The share of promoters (9 and 10) less the share of detractors (0 to 6), in points from -100 to 100, over the"
    " last answer of each person to an NPS survey of a playbook in the last 90 days. The share of answers beside it is"
    " of the surveys that were put in the same 90 days.",
)
CSAT = Definition(
    id="csat",
    title="CSAT",
    says="The share of answers of 4 or 5 (of 5) over the last answer of each person to a CSAT survey of a playbook in"
    " the last 90 days.",
)
_HIGH = {"nps": 9, "csat": 4}
_LOW = {"nps": 6, "csat": 2}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Of one kind of survey: a person counts once, with the last answer."""

    high: int
    low: int
    people: int
    asked: int
    """Surveys put."""
    answered: int
    """Of those that were put."""

    @property
    def nps(self) -> float | None:
        return 100 * (self.high - self.low) / self.people if self.people else None

    @property
    def csat(self) -> Share:
        return Share(n=self.high, of=self.people)

    @property
    def response(self) -> Share:
        return Share(n=self.answered, of=self.asked)


def answers(book: Book, kind: Kind) -> Answers:
    last, since = last_answers(book, kind).subquery("last"), book.now - ASKED_WITHIN
    said = sa.select(
        sa.func.count().filter(last.c.score >= _HIGH[kind]).label("high"),
        sa.func.count().filter(last.c.score <= _LOW[kind]).label("low"),
        sa.func.count().label("people"),
    )
    row = book.conn.execute(said).one()
    put = sa.select(sa.func.count().label("asked"), sa.func.count(survey.c.score).label("answered"))
    asked = book.conn.execute(
        put.where(
            survey.c.asks == kind,
            survey.c.created_at > since,
            survey.c.created_at <= book.now,
            book.sees(survey.c.account_id),
        )
    ).one()
    return Answers(high=row.high, low=row.low, people=row.people, asked=asked.asked, answered=asked.answered)


def last_answers(book: Book, kind: Kind) -> sa.Select[Any]:
    """account_id, address, score, answered_at: a row per person."""
    of, since = survey.c, book.now - ASKED_WITHIN
    query = sa.select(of.account_id, of.address, of.score, of.answered_at).where(book.sees(of.account_id))
    return (
        query.ext(distinct_on(of.address))
        .where(of.asks == kind, of.score.is_not(None), of.answered_at > since, of.answered_at <= book.now)
        .order_by(of.address, of.answered_at.desc(), of.id.desc())
    )


def answering(book: Book, kind: Kind, group: str) -> sa.Select[tuple[int, int]]:
    """account_id and the lowest score somebody there gave; `group`: high | middle | low | all."""
    last = last_answers(book, kind).subquery("last")
    score = last.c.score
    high, low = score >= _HIGH[kind], score <= _LOW[kind]
    wanted = {"high": high, "low": low, "middle": ~sa.or_(high, low)}.get(group, sa.true())
    return sa.select(last.c.account_id, sa.func.min(score).label("score")).where(wanted).group_by(last.c.account_id)
