"""Date triggers and schedules whose time has come: found by dates in the projection or by the clocks of the zones in
use, decided by the calendar, never twice."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Any

import sqlalchemy as sa

from engine.calendars import Place, local_date, local_midnight
from engine.durations import Duration, parse_duration
from engine.triggers.base import Moment, Schedule
from engine.triggers.coming import Timed, anchor_of, days_that_come, following, latest, opens_at, values_around
from engine.values import Condition
from store.current.sight import Sight, View
from store.deployed import Deployed
from store.postgres.statements import Given, Statement

Reached = tuple[int, Mapping[str, Any]]
"""An account, and why it crosses."""
Opens = Callable[[Place], datetime]


def reached(conn: sa.Connection, sight: Sight, deployed: Deployed, since: datetime | None) -> list[Reached]:
    """Times of this playbook that came since the last sweep, or that are first learned now and not too late."""
    return [found for search in _searches(conn, sight, deployed, since) for found in search.found()]


def any_reached(conn: sa.Connection, sight: Sight, deployed: Deployed, since: datetime | None) -> bool:
    """Whether there may be some, without looking at every account for which it is the same time."""
    return any(search.any() for search in _searches(conn, sight, deployed, since))


def next_by_clock(sight: Sight, deployed: Deployed) -> datetime | None:
    """The next time of its cron expressions, in any zone in use; other times are midnights."""
    crons = [one for one in deployed.compiled.triggers if isinstance(one, Schedule) and one.cron is not None]
    places = [sight.place(zone, None) for zone in sight.zones] if crons else []
    times = (_next_by_clock(trigger, place, sight.now) for trigger in crons for place in places)
    return min((one for one in times if one is not None), default=None)


@lru_cache(maxsize=4096)
def _next_by_clock(trigger: Schedule, place: Place, now: datetime) -> datetime | None:
    return following(trigger, None, place, now)


def _searches(
    conn: sa.Connection, sight: Sight, deployed: Deployed, since: datetime | None
) -> "list[_ByField | _ForEveryone]":
    return [
        (_ForEveryone if anchor_of(trigger)[0] is None else _ByField)(conn, sight, deployed, trigger, since)
        for trigger in deployed.compiled.triggers
        if isinstance(trigger, Moment | Schedule) and trigger.id in deployed.triggers
    ]


class _Search:
    """One trigger, over all accounts."""

    def __init__(
        self, conn: sa.Connection, sight: Sight, deployed: Deployed, trigger: Timed, since: datetime | None
    ) -> None:
        self._conn, self._sight, self._deployed, self._trigger = conn, sight, deployed, trigger
        self._since = since
        self._live_since = deployed.triggers[trigger.id].since

    def _usual(self, place: Place) -> datetime:
        return self._late(place) if self._since is None else max(self._live_since, self._since)

    def _late(self, place: Place) -> datetime:
        return opens_at(self._trigger, now=self._sight.now, since=self._since, live_since=self._live_since, place=place)

    def _has_grace(self) -> bool:
        return bool(parse_duration(self._trigger.grace).amount)

    def _untold(self, rows: Mapping[int, Mapping[str, str]]) -> list[Reached]:
        """Without those who have crossed for the very same time."""
        told = self._told_before(list(rows)) if rows else set()
        trigger = self._trigger
        return [
            (account_id, {"trigger": trigger.id, "kind": trigger.kind, "says": trigger.says, "values": dict(values)})
            for account_id, values in sorted(rows.items())
            if (account_id, values[self._mark]) not in told
        ]

    @property
    def _mark(self) -> str:
        """What tells one time from another: a date trigger's date, which may move, or the time itself."""
        return self._trigger.field if isinstance(self._trigger, Moment) else "due"

    def _told_before(self, accounts: Sequence[int]) -> set[tuple[int, str]]:
        """Accounts and times for which this trigger has crossed already."""
        given = {
            "playbook": self._deployed.playbook,
            "accounts": list(accounts),
            "trigger": json.dumps([{"trigger": self._trigger.id}]),
        }
        return {
            (row.account_id, reason["values"].get(self._mark))
            for row in _CROSSED_BEFORE.read(self._conn, given)
            for reason in row.reasons
            if reason["trigger"] == self._trigger.id
        }


_CROSSED_BEFORE = Statement("""
    select account_id, reasons from crossing
    where playbook = %(playbook)s and account_id = any(%(accounts)s) and reasons @> cast(%(trigger)s as jsonb)
""")


class _ForEveryone(_Search):
    """A time that is the same for all accounts of a zone: a cron expression, or days counted from a fixed date.

    Only accounts of the audience cross: a line for all others, time and again, would explain nothing.
    """

    def any(self) -> bool:
        return bool(self._times(self._usual))

    def found(self) -> list[Reached]:
        rows = self._rows(self._usual, within_work=False)
        if not self._is_cron() and self._has_grace():
            rows |= self._rows(self._late, within_work=True)
        return self._untold(rows)

    def _is_cron(self) -> bool:
        return isinstance(self._trigger, Schedule) and self._trigger.cron is not None

    def _usual(self, place: Place) -> datetime:
        return self._late(place) if self._is_cron() else super()._usual(place)

    def _times(self, opens: Opens) -> dict[str, datetime]:
        """The time that came, by zone."""
        sight, fixed = self._sight, anchor_of(self._trigger)[1]
        places = {zone: sight.place(zone, None) for zone in sight.zones}
        found = {
            zone: latest(self._trigger, fixed, place, after=opens(place), upto=sight.now)
            for zone, place in places.items()
        }
        return {zone: at for zone, at in found.items() if at is not None}

    def _rows(self, opens: Opens, *, within_work: bool) -> dict[int, Mapping[str, str]]:
        times = self._times(opens)
        if not times:
            return {}
        sight, audience = self._sight, self._deployed.compiled
        key = ("for everyone", audience.hash, within_work)
        query = sight.read(
            key,
            lambda view: _in_zones(view, audience.audience, within_work=within_work),
            names=list(times),
            known=list(sight.zones),
            usual=sight.workspace.zone in times,
        )
        found: dict[int, Mapping[str, str]] = {}
        for row in query:
            at = times.get(sight.place(row.zone, None).zone)
            if at is not None:
                found[row.account_id] = {"due": at.isoformat()}
        return found


def _in_zones(view: View, audience: Condition, *, within_work: bool) -> sa.Select[Any]:
    """Accounts of an audience that live in these zones; the workspace's own zone, where it is among them (`usual`),
    holds all that name none, or none that exists."""
    texts = sa.ARRAY(sa.Text())
    homeless = sa.or_(view.zone.is_(None), view.zone != sa.all_(Given("known", texts)))
    here = sa.or_(view.zone == sa.any_(Given("names", texts)), sa.and_(Given("usual", sa.Boolean()), homeless))
    columns: list[sa.ColumnElement[Any]] = [view.account_id, view.zone.label("zone")]
    return _within(sa.select(*columns).where(view.truth(audience), here), view, within_work=within_work)


class _ByField(_Search):
    """Times that depend on a date of each account."""

    def __init__(
        self, conn: sa.Connection, sight: Sight, deployed: Deployed, trigger: Timed, since: datetime | None
    ) -> None:
        super().__init__(conn, sight, deployed, trigger, since)
        self._field = anchor_of(trigger)[0] or ""
        self._column = sight.field(self._field)

    def any(self) -> bool:
        return bool(self._untold(self._rows(self._usual, within_work=False)))

    def found(self) -> list[Reached]:
        rows = self._rows(self._usual, within_work=False)
        if self._has_grace():
            # Whatever is known of an account in work may be new, so its moments may be a little in the past.
            rows |= self._rows(self._late, within_work=True)
        return self._untold(rows)

    def _rows(self, opens: Opens, *, within_work: bool) -> dict[int, Mapping[str, str]]:
        """Values by account whose time lies after `opens` of their place, up to now."""
        sight, opens = self._sight, cache(opens)
        found: dict[int, Mapping[str, str]] = {}
        for account_id, zone, country, value in self._near(opens, within_work=within_work):
            place = sight.place(zone, country)
            comes = _latest(self._trigger, value, place, opens(place), sight.now)
            if comes is not None:
                due = {} if isinstance(self._trigger, Moment) else {"due": comes.isoformat()}
                found[account_id] = {self._field: value.isoformat(), **due}
        return found

    def _near(self, opens: Opens, *, within_work: bool) -> Iterable[Any]:
        """Finds all that may be due, and nearly nothing else: by range, or by the days it must be in some zone."""
        sight, field, trigger = self._sight, self._field, self._trigger
        if isinstance(trigger, Moment) and not isinstance(self._column.type, sa.Date):
            places = [sight.place(zone, None) for zone in sight.zones]
            lows, highs = zip(
                *(values_around(trigger, place, after=opens(place), upto=sight.now) for place in places), strict=True
            )
            given = {"low": min(lows), "high": max(highs)}
            made = partial(_between, field=field, within_work=within_work)
            return sight.read(("between", field, within_work), made, **given)
        days = sorted(
            {day for place in self._places(opens, within_work=within_work) for day in self._days(opens, place)}
        )
        if not days:
            return ()
        if isinstance(trigger, Schedule):
            made = partial(_every, field=field, every=trigger.every or "", within_work=within_work)
            return sight.read(("every", field, trigger.every, within_work), made, days=days)
        return sight.read(("on", field, within_work), partial(_on, field=field, within_work=within_work), days=days)

    def _places(self, opens: Opens, *, within_work: bool) -> Sequence[Place]:
        """Where the days may differ: in zones, and where business days are counted, in countries too."""
        sight = self._sight
        if not (isinstance(self._trigger, Moment) and _offset_unit(self._trigger) == "business_days"):
            return [sight.place(zone, None) for zone in sight.zones]
        if not self._day_has_turned(opens):
            return ()
        return [sight.place(*where) for where in (sight.whereabouts_looked_at if within_work else sight.whereabouts)]

    def _day_has_turned(self, opens: Opens) -> bool:
        """In any zone: otherwise no midnight can have come, and nobody needs to be looked for."""
        days = [(opens(self._sight.place(zone, None)), zone) for zone in self._sight.zones]
        return any(local_date(at, zone) != local_date(self._sight.now, zone) for at, zone in days)

    def _days(self, opens: Opens, place: Place) -> tuple[date, ...]:
        """The dates whose moment has come in this place; of a schedule, the days that have begun there."""
        after, upto = opens(place), self._sight.now
        first, last = (local_date(at, place.zone) for at in (after, upto))
        if isinstance(self._trigger, Schedule):
            return _begun(first, last)
        if _offset_unit(self._trigger) not in ("minutes", "hours"):
            # These moments are midnights, so all instants of a day see the same.
            if first == last:
                return ()
            after, upto = (local_midnight(day, place.zone) for day in (first, last))
        return _days(self._trigger, place, after, upto)


# --- rows by their dates ---------------------------------------------------------------------------------------------


def _dated(view: View, field: str, *, within_work: bool) -> sa.Select[Any]:
    columns = sa.select(view.account_id, view.zone, view.country, view.field(field)).select_from(view.source)
    return _within(columns, view, within_work=within_work)


def _within(query: sa.Select[Any], view: View, *, within_work: bool) -> sa.Select[Any]:
    return query.where(view.looks_at) if within_work else query


def _between(view: View, *, field: str, within_work: bool) -> sa.Select[Any]:
    column, low, high = view.field(field), Given("low", _AT), Given("high", _AT)
    return _dated(view, field, within_work=within_work).where(column > low, column <= high)


def _on(view: View, *, field: str, within_work: bool) -> sa.Select[Any]:
    column = view.field(field)
    return _dated(view, field, within_work=within_work).where(column == sa.any_(Given("days", sa.ARRAY(sa.Date()))))


def _every(view: View, *, field: str, every: str, within_work: bool) -> sa.Select[Any]:
    """Those for whom one of the days lies a whole number of periods after the anchor."""
    column = view.field(field)
    is_date = isinstance(column.type, sa.Date)
    anchor = column if is_date else sa.cast(sa.func.timezone("UTC", column), sa.Date)
    unnested = sa.func.unnest(Given("days", sa.ARRAY(sa.Date())))
    days = unnested.table_valued(sa.column("day", sa.Date), name="begun").render_derived()
    day = days.c.day
    # Of an instant, the day depends on the zone.
    near = [day] if is_date else [sa.cast(day + sa.literal(n, sa.Integer), sa.Date) for n in (-1, 0, 1)]
    fits = sa.or_(*(_falls_on(anchor, parse_duration(every), one) for one in near))
    some = sa.exists(sa.select(sa.literal_column("1")).select_from(days).where(fits))
    return _dated(view, field, within_work=within_work).where(some)


def _falls_on(anchor: sa.ColumnElement[Any], period: Duration, on: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """engine.triggers.coming.falls_on, of a whole column."""
    if period.unit in ("days", "weeks"):
        every = period.amount * (7 if period.unit == "weeks" else 1)
        return sa.and_(anchor < on, sa.type_coerce(on - anchor, sa.Integer) % every == 0)
    year, month, of_month = (partial(sa.extract, name) for name in ("year", "month", "day"))
    months = (year(on) * 12 + month(on)) - (year(anchor) * 12 + month(anchor))
    step = period.amount * (12 if period.unit == "years" else 1)
    is_last = month(on + sa.literal(1, sa.Integer)) != month(on)
    same_day = sa.case((is_last, of_month(anchor) >= of_month(on)), else_=of_month(anchor) == of_month(on))
    return sa.and_(anchor < on, months % step == 0, same_day)


_AT = sa.DateTime(timezone=True)
_MOST_DAYS = 400
"""After an outage, the days that are looked at; of several times that were missed, the last is made good."""


def _offset_unit(trigger: Moment) -> str:
    return parse_duration(trigger.offset, signed=True).unit


def _begun(first: date, last: date) -> tuple[date, ...]:
    """The days after the first one, of many the last ones."""
    return tuple(first + timedelta(days=n + 1) for n in range((last - first).days))[-_MOST_DAYS:]


@lru_cache(maxsize=4096)
def _days(trigger: Moment, place: Place, after: datetime, upto: datetime) -> tuple[date, ...]:
    return days_that_come(trigger, place, after=after, upto=upto)


@lru_cache(maxsize=65_536)
def _latest(trigger: Timed, value: date | datetime, place: Place, after: datetime, upto: datetime) -> datetime | None:
    return latest(trigger, value, place, after=after, upto=upto)
