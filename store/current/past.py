"""What was known at a past instant: what decisions read is shadowed, for one connection, by what it held then.

The statement that scores accounts now then scores them as of then, unchanged. Temporary objects go before all others of
their name; a roll-back takes them away again, and nothing that others see is written.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from engine.workspace import Workspace
from store.current.columns import column_name, ensure_columns, extremes_with
from store.current.projection import project

_WORTH_ANALYZING = ("account_now", "record", "work")


class Past:
    """Made by `looking_back`; always stands at one instant, at first before anything was known."""

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn

    def make_columns(self, workspace: Workspace) -> None:
        """For what the workspace reads and no deploy has made a column for yet."""
        ensure_columns(self._conn, workspace)

    def know(self, until: datetime, events: Sequence[str] | None = None) -> None:
        """Know what had been learned by then, and no event of other types than these (None: of all)."""
        types = None if events is None else list(events)
        self._conn.execute(_KNOW, {"until": until, "types": types})
        self._conn.execute(sa.text("truncate record"))
        self._conn.execute(_RECORDS_IN_FORCE, {"until": until})

    def project_all(self, workspace: Workspace, at: datetime) -> None:
        """Work out afresh what is true at an instant of every account known, as a sweep at that instant would."""
        for statement in _NOTHING_PROJECTED:
            self._conn.execute(statement)
        looked_back = tuple(dict.fromkeys(one.field for one in extremes_with(workspace, ())))
        if looked_back:
            self._remember_values(looked_back, at)
        for table in _WORTH_ANALYZING:
            self._conn.execute(sa.text(f"analyze {table}"))
        project(self._conn, workspace, at)

    def project_some(self, workspace: Workspace, accounts: sa.SelectBase, at: datetime) -> Sequence[int]:
        """The same for some accounts, on from the instant before; which they were."""
        self._conn.execute(sa.text("truncate work"))
        into_work = sa.insert(_WORK).from_select(["account_id"], accounts).returning(_WORK.c.account_id)
        taken = self._conn.execute(into_work).scalars().all()
        if taken:
            project(self._conn, workspace, at)
        return taken

    def _remember_values(self, fields: Sequence[str], at: datetime) -> None:
        """Their recorded past, and the last value of each: a value that has not changed since is no new one."""
        self._conn.execute(_VALUES_UNTIL, {"fields": list(fields), "at": at})
        table = sa.table("account_now", sa.column("account_id"), *(sa.column(column_name(name)) for name in fields))
        for name in fields:
            last = _LAST_VALUE.bindparams(field=name).subquery()
            known = sa.update(table).where(table.c.account_id == last.c.account_id)
            self._conn.execute(known.values({column_name(name): last.c.value}))


@contextmanager
def looking_back(conn: sa.Connection) -> Iterator[Past]:
    """Inside, this connection reads the past; afterwards everything is as it was before."""
    inside = conn.begin_nested()
    try:
        for statement in _SHADOWS:
            conn.execute(statement)
        # What the connection has prepared still means the tables themselves.
        conn.execute(_FORGET_PLANS)
        yield Past(conn)
    finally:
        inside.rollback()
        conn.execute(_FORGET_PLANS)


_FORGET_PLANS = sa.text("discard plans")

# While a shadow is made, its own name still means the table behind it.
_SHADOWS = tuple(
    map(
        sa.text,
        (
            "create temp table known_then (until timestamptz, types text[])",
            "insert into known_then values ('-infinity')",
            *(
                f"create temp view {name} as select * from {name} where learned_at <= (select until from known_then)"  # noqa: S608 - joined from constants
                for name in ("account", "account_value", "contact")
            ),
            """
            create temp view event as select * from event where learned_at <= (select until from known_then)
            and ((select types from known_then) is null or type = any (array(select unnest(types) from known_then)))
            """,
            "create temp view every_record as select * from record",
            "create temp table record (like record including all)",
            "create temp view every_value as select * from value_history",
            "create temp table value_history (like value_history including all)",
            "create temp table account_now (like account_now including all)",
            "create temp table score (like score including all)",
            "create temp table score_parts (like score_parts including all)",
            "create temp table score_book (like score_book including all)",
            # Nobody's word: what is looked at is what the cards come to.
            "create temp table score_override (like score_override including all)",
            "create temp table feed (like feed including all)",
            "create temp table work (like work including all)",
            "create temp table zone_offset as select * from zone_offset",
            "alter table zone_offset add primary key (zone, since)",
        ),
    )
)

_KNOW = sa.text("update known_then set until = :until, types = cast(:types as text[])")
_RECORDS_IN_FORCE = sa.text("""
    insert into record overriding system value
    select id, account_id, kind, key, starts_at, ends_at, props, at, learned_at, null from every_record
    where learned_at <= :until and (superseded_at is null or superseded_at > :until)
""")
_NOTHING_PROJECTED = tuple(
    map(
        sa.text,
        (
            "truncate account_now, score, value_history, work",
            "insert into work select id from account",
            "insert into account_now (account_id) select id from account",
        ),
    )
)
_VALUES_UNTIL = sa.text("""
    insert into value_history (account_id, field, at, value)
    select account_id, field, at, value from every_value where field = any (:fields) and at <= :at order by id
""")
_LAST_VALUE = sa.text("""
    select distinct on (account_id) account_id, value from value_history
    where field = :field order by account_id, at desc, id desc
""").columns(sa.column("account_id"), sa.column("value"))
_WORK = sa.table("work", sa.column("account_id", sa.BigInteger))
