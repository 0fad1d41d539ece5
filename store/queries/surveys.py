"""Answers to surveys, counted: by playbook, by what was asked, and by the time when it was asked."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa

from engine.survey_scores import Answers, answers
from engine.surveys import Kind
from store.schema import mail, run, survey

Period = Literal["week", "month", "quarter", "year"]


@dataclass(frozen=True, kw_only=True)
class SurveyRow:
    """One line of a report; `playbook` or `since` is None where the line is about all of them."""

    playbook: str | None
    since: date | None
    """The first day of the period in which it was asked, in the workspace's zone."""
    answers: Answers


def survey_report(
    conn: sa.Connection,
    now: datetime,
    *,
    zone: str = "UTC",
    by_playbook: bool = True,
    period: Period | None = None,
    playbook: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[SurveyRow, ...]:
    """By what was asked, latest period first. A question whose mail did not leave was not asked, unless answered."""
    of_playbook = run.c.playbook if by_playbook else sa.null().cast(sa.Text)
    asked_at = sa.func.timezone(zone, survey.c.created_at)
    begins = sa.cast(sa.func.date_trunc(period, asked_at), sa.Date) if period else sa.null().cast(sa.Date)
    same = (mail.c.run_id == survey.c.run_id, mail.c.step == survey.c.step, mail.c.visit == survey.c.visit)
    left = sa.exists().where(*same, mail.c.state.in_(("sent", "unknown")))
    is_open = survey.c.score.is_(None) & (survey.c.closes_at > now)
    groups = (
        survey.c.asks,
        of_playbook.label("playbook"),
        begins.label("since"),
        survey.c.score,
        is_open.label("open"),
    )
    query = (
        sa.select(*groups, sa.func.count().label("times"))
        .select_from(survey)
        .join(run, run.c.id == survey.c.run_id)
        .where(survey.c.score.is_not(None) | left)
        .group_by(*(sa.literal_column(str(n)) for n in range(1, len(groups) + 1)))
    )
    if playbook is not None:
        query = query.where(run.c.playbook == playbook)
    if since is not None:
        query = query.where(survey.c.created_at >= since)
    if until is not None:
        query = query.where(survey.c.created_at < until)
    counted: dict[tuple[Kind, str | None, date | None], _Counted] = defaultdict(_Counted)
    for row in conn.execute(query):
        counted[row.asks, row.playbook, row.since].add(row.score, row.times, still_open=row.open)
    found = [
        SurveyRow(playbook=name, since=day, answers=answers(asks, of.by_score, of.unanswered, of.still_open))
        for (asks, name, day), of in counted.items()
    ]
    found.sort(key=lambda one: (one.answers.asks, one.playbook or "", -(one.since.toordinal() if one.since else 0)))
    return tuple(found)


class _Counted:
    def __init__(self) -> None:
        self.by_score: dict[int, int] = defaultdict(int)
        self.unanswered = 0
        self.still_open = 0

    def add(self, score: int | None, count: int, *, still_open: bool) -> None:
        if score is None:
            self.unanswered += count
            self.still_open += count if still_open else 0
        else:
            self.by_score[score] += count
