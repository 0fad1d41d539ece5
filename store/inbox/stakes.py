"""`engine.stakes` as SQL: points to order tasks by, over columns of a task and of its account."""

from datetime import date, datetime

import sqlalchemy as sa

from engine import stakes

Number = sa.ColumnElement[float]


def points(
    now: sa.ColumnElement[datetime],
    today: sa.ColumnElement[date],
    *,
    due_at: sa.ColumnElement[datetime],
    arr: sa.ColumnElement[float],
    renewal: sa.ColumnElement[date],
    score: sa.ColumnElement[float],
) -> Number:
    """The same number as `stake_of` gives; unknown is NULL."""
    return _due(now, due_at) + _worth(arr) + _renewal(today, renewal) + _health(score)


def _due(now: sa.ColumnElement[datetime], due_at: sa.ColumnElement[datetime]) -> Number:
    seconds = sa.cast(sa.extract("epoch", due_at - now), sa.Float)
    days = seconds / 86_400.0
    late = stakes.DUE[0][1] + sa.func.least(-days * stakes.LATE_A_DAY, stakes.LATE_MOST)
    ahead = ((days <= most, sa.literal(points, sa.Float)) for most, points in stakes.DUE)
    return sa.case((due_at.is_(None), 0.0), (days < 0, late), *ahead, else_=stakes.LATER)


def _worth(arr: sa.ColumnElement[float]) -> Number:
    known = sa.and_(arr > 0, arr < sa.literal_column("'Infinity'::float8", sa.Double))
    digits = sa.func.log(sa.func.greatest(sa.cast(arr, sa.Float), stakes.WORTH_FROM) / stakes.WORTH_FROM)
    return sa.case((known, sa.func.least(digits * stakes.WORTH_A_DIGIT, stakes.WORTH_MOST)), else_=0.0)


def _renewal(today: sa.ColumnElement[date], renewal: sa.ColumnElement[date]) -> Number:
    days = renewal - today
    near = ((days <= most, sa.literal(points, sa.Float)) for most, points in stakes.RENEWAL)
    return sa.case((renewal.is_(None), 0.0), (days < 0, 0.0), *near, else_=0.0)


def _health(score: sa.ColumnElement[float]) -> Number:
    low = ((score < less, sa.literal(points, sa.Float)) for less, points in stakes.HEALTH)
    return sa.case((score.is_(None), stakes.NO_HEALTH), *low, else_=0.0)
