"""Whether PostgreSQL is an older copy of itself, restored to an hour ago, while Temporal and the world went on.

It cannot know that by itself. So a worker writes its time down every minute, and Temporal remembers with it what was
written last: a database that is behind its own word was set back. Then nothing is decided, done or sent until a person
says that this copy counts (`store.leaps`).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from store.postgres.statements import Statement
from store.running import outbox


@dataclass(frozen=True, kw_only=True)
class GoneOn:
    """What going on from a copy came to."""

    since: datetime | None
    """When the copy was last known to be in use; what happened from then on is lost."""
    runs: int
    """Open ones, which are started again from where the copy has them."""
    due: tuple[int, ...]
    """Those among them whose moment has come meanwhile: what they did then, they do again."""
    mails: int
    """That were due: they may have left, and are looked after as such."""
    errands: int
    """The same of requests and chat messages."""


def beat(conn: sa.Connection, seen: str | None) -> str:
    """Write down that the database is in use, and say so in a word that is kept elsewhere. `seen`: the last such word.

    A database that is behind the word is from then on known to be set back, and the word stays as it is.
    """
    identity, _, at = (seen or "").partition(" ")
    given = {"identity": UUID(identity) if seen else None, "at": datetime.fromisoformat(at) if seen else None}
    [row] = _BEAT.read(conn, given)
    return f"{row.identity} {(row.known_until or row.at).isoformat()}"


def is_set_back(conn: sa.Connection) -> bool:
    """Whether all stands still for that."""
    return _KNOWN_UNTIL.read_column(conn, {}) not in ([], [None])


def go_on(conn: sa.Connection) -> GoneOn:
    """This copy counts from now on. Its open runs are gone from Temporal: they are started from where it has them.

    A mail or request that was due has left in the meantime, most likely: it is as one that was handed over by somebody
    who died, of which is found out what can be, and which is never sent again in silence.
    """
    since = next(iter(_SINCE.read_column(conn, {})), None)
    runs = _OPEN.read(conn, {})
    for one in runs:
        outbox.again(conn, one.id)
    due = tuple(one.id for one in runs if one.due)
    mails, errands = _MAILS.write(conn, {}), _ERRANDS.write(conn, {})
    _GOES_ON.write(conn, {})
    return GoneOn(since=since, runs=len(runs), due=due, mails=mails, errands=errands)


_BEAT = Statement("""
    insert into beat (id, at) values (1, clock_timestamp())
    on conflict (id) do update set
        at = case
            when beat.known_until is null and not coalesce(beat.identity = %(identity)s and beat.at < %(at)s, false)
            then greatest(beat.at, clock_timestamp()) else beat.at
        end,
        known_until = case
            when beat.identity = %(identity)s and beat.at < %(at)s then greatest(beat.known_until, %(at)s)
            else beat.known_until
        end
    returning identity, at, known_until
""")
_KNOWN_UNTIL = Statement("select known_until from beat")
_SINCE = Statement("select coalesce((select at from beat), (select at from sweep order by id desc limit 1)) as since")
_OPEN = Statement("""
    select id, coalesce(due_at <= clock_timestamp(), false) as due from run where state = 'open' order by id
""")
_MAILS = Statement("""
    update mail set state = 'handing_over', reason = null, left_at = clock_timestamp(), again = false,
        resends = resends + cast(again as integer)
    where (state = 'prepared' or again) and due_at <= clock_timestamp()
""")
_ERRANDS = Statement("""
    update errand set state = 'handing_over', reason = null where state = 'prepared' and due_at <= clock_timestamp()
""")
_GOES_ON = Statement("""
    update beat set at = greatest(at, known_until, clock_timestamp()), known_until = null
""")
