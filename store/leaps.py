"""Whether the real clock can be right. Whatever decides, acts, sends or deletes by itself asks here for the instant.

A machine that woke up in another year must not end every run for its age, start what is due in ten years, or give up
what is kept for two. Nobody can tell a leap from an outage that was as long: a person says so.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from store import clock
from store.postgres.statements import Statement

FARTHEST = timedelta(days=30)
"""Behind the last sweep, which is a minute ago while a worker lives."""
_BACK = timedelta(days=1)
"""Before the last sweep; within it sweeps stand still at the later instant until the clock is there again."""
_APART = timedelta(hours=1)
"""From PostgreSQL's own clock: well above what a zone of time or a lazy time server can be told from."""


class ClockLeapt(Exception):
    """Nothing is decided, done, sent or deleted by this clock; the message says what is wrong and what to do."""


class SetBack(ClockLeapt):
    """The same, as PostgreSQL is an older copy of itself (`store.set_back`)."""

    def __init__(self, copied: datetime, known_until: datetime) -> None:
        super().__init__(
            f"PostgreSQL is a copy of {_said(copied)}, and went on until {_said(known_until)} at least before it was "
            "set back: what happened and left since, it does not know. Nothing is decided, done or sent. Stop the "
            "workers, say that all is to go on from this copy (tenure restored), and start them again"
        )


def certain_now(conn: sa.Connection) -> datetime:
    """The instant everything decides for, or ClockLeapt. A virtual clock is right by definition."""
    row = _CERTAIN.read(conn, {})[0]
    now = clock.reading(row.instant)
    if row.instant is None:
        check_is_no_copy(row.copied, row.known_until)
        check(now, last=row.swept, database=row.database)
    return now


def check_is_no_copy(copied: datetime | None, known_until: datetime | None) -> None:
    """SetBack where PostgreSQL is an older copy of itself: of `copied`, and others knew it until `known_until`."""
    if copied is not None and known_until is not None:
        raise SetBack(copied, known_until)


def certain_real_now(conn: sa.Connection) -> datetime:
    """The real clock's instant, for what goes by it beside a virtual one; ClockLeapt where PostgreSQL's is another."""
    now = clock.reading(None)
    check(now, last=None, database=_DATABASE.read_column(conn, {})[0])
    return now


def doubt(conn: sa.Connection) -> str | None:
    """What is wrong with the clock, for people."""
    try:
        certain_now(conn)
    except ClockLeapt as leapt:
        return str(leapt)
    return None


def check(now: datetime, *, last: datetime | None, database: datetime, after_outage: bool = False) -> None:
    """ClockLeapt where the real clock's `now` cannot be right, beside the last sweep's instant and PostgreSQL's clock.

    `after_outage`: a person has said that nothing was swept for so long.
    """
    if abs(now - database) > _APART:
        raise ClockLeapt(
            f"the clock of this machine shows {_said(now)}, PostgreSQL's {_said(database)}: one of them is wrong. "
            "Nothing is decided, done or sent from here until they agree"
        )
    if last is None:
        return
    if now - last > FARTHEST and not after_outage:
        raise ClockLeapt(
            f"the clock shows {_said(now)}, and the last sweep was for {_said(last)}, {(now - last).days} days before. "
            "Nothing is decided, done or sent: set the clock right, or, if it is right and nothing ran for so long, "
            "say so: tenure sweep --after-outage"
        )
    if last - now > _BACK:
        raise ClockLeapt(
            f"the clock shows {_said(now)}, and the last sweep was for {_said(last)}, {(last - now).days} days later. "
            "Nothing is decided, done or sent until it is there again: set the clock right, or bring back a copy of "
            "the database from before that sweep"
        )


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


_CERTAIN = Statement("""
    select (select instant from clock) as instant, (select at from sweep order by id desc limit 1) as swept,
        clock_timestamp() as database, beat.at as copied, beat.known_until
    from (values (1)) as one (id) left join beat on beat.id = one.id
""")
_DATABASE = Statement("select clock_timestamp()")
