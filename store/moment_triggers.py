"""Date triggers and schedules whose time has come: found by dates in the projection or by the clocks of the zones in
use, decided by the calendar, never twice."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from engine.calendars import Place, local_date, local_midnight, subtract
from engine.durations import parse_duration
from engine.triggers.base import Moment, Schedule
from engine.triggers.coming import Timed, anchor_of, following, latest, opens_at
from store.deployed import Deployed
from store.schema import crossing, work
from store.sight import Sight

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

    def _in_zones(self, names: Sequence[str]) -> sa.ColumnElement[bool]:
        """Accounts that live in these; the workspace's own zone holds all that name none, or none that exists."""
        own, zones = self._sight.zone, sa.literal(list(self._sight.zones), sa.ARRAY(sa.Text))
        here = own == sa.any_(sa.literal(list(names), sa.ARRAY(sa.Text)))
        if self._sight.workspace.zone in names:
            here = sa.or_(here, own.is_(None), own != sa.all_(zones))
        return here

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
        rows = self._conn.execute(
            sa.select(crossing.c.account_id, crossing.c.reasons).where(
                crossing.c.playbook == self._deployed.playbook,
                crossing.c.account_id == sa.func.any(sa.cast(accounts, sa.ARRAY(sa.BigInteger))),
                crossing.c.reasons.contains([{"trigger": self._trigger.id}]),
            )
        )
        return {
            (row.account_id, reason["values"].get(self._mark))
            for row in rows
            for reason in row.reasons
            if reason["trigger"] == self._trigger.id
        }


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
        sight = self._sight
        query = sa.select(sight.account_id, sight.zone).select_from(sight.source)
        query = query.where(sight.truth(self._deployed.compiled.audience), self._in_zones(list(times)))
        if within_work:
            query = query.where(sight.account_id.in_(sa.select(work.c.account_id)))
        found: dict[int, Mapping[str, str]] = {}
        for account_id, zone in self._conn.execute(query):
            at = times.get(sight.place(zone, None).zone)
            if at is not None:
                found[account_id] = {"due": at.isoformat()}
        return found


class _ByField(_Search):
    """Times that depend on a date of each account."""

    def __init__(
        self, conn: sa.Connection, sight: Sight, deployed: Deployed, trigger: Timed, since: datetime | None
    ) -> None:
        super().__init__(conn, sight, deployed, trigger, since)
        self._field = anchor_of(trigger)[0] or ""
        self._column = sight.field(self._field)

    def any(self) -> bool:
        return bool(self.found())

    def found(self) -> list[Reached]:
        rows = self._rows(self._usual, within_work=False)
        if self._has_grace():
            # Whatever is known of an account in work may be new, so its moments may be a little in the past.
            rows |= self._rows(self._late, within_work=True)
        return self._untold(rows)

    def _rows(self, opens: Opens, *, within_work: bool) -> dict[int, Mapping[str, str]]:
        """Values by account whose time lies after `opens` of their place, up to now."""
        sight = self._sight
        near = self._near(opens)
        if near is None:
            return {}
        query = sa.select(sight.account_id, sight.zone, sight.country, self._column).where(near)
        if within_work:
            query = query.where(sight.account_id.in_(sa.select(work.c.account_id)))
        found: dict[int, Mapping[str, str]] = {}
        for account_id, zone, country, value in self._conn.execute(query.select_from(sight.source)):
            place = sight.place(zone, country)
            comes = _latest(self._trigger, value, place, opens(place), sight.now)
            if comes is not None:
                due = {} if isinstance(self._trigger, Moment) else {"due": comes.isoformat()}
                found[account_id] = {self._field: value.isoformat(), **due}
        return found

    def _near(self, opens: Opens) -> sa.ColumnElement[bool] | None:
        """Finds all that may be due, and nearly nothing else: exact for dates, a little wide for instants."""
        sight, column = self._sight, self._column
        if isinstance(self._trigger, Schedule):
            return self._on_its_days(opens)
        if not isinstance(column.type, sa.Date):
            places = [sight.place(zone, None) for zone in sight.zones]
            lows, highs = zip(*(_range(self._trigger, place, opens(place), sight.now) for place in places), strict=True)
            return sa.and_(column > min(lows), column <= max(highs))
        if self._counts_business_days():
            return self._near_by_country(opens) if self._day_has_turned(opens) else None
        groups: dict[tuple[date, ...], list[str]] = {}
        for zone in sight.zones:
            groups.setdefault(self._days(opens, sight.place(zone, None)), []).append(zone)
        parts = [sa.and_(_is_one_of(column, days), self._in_zones(names)) for days, names in groups.items() if days]
        return sa.or_(*parts) if parts else None

    def _near_by_country(self, opens: Opens) -> sa.ColumnElement[bool] | None:
        """The same, where each country has its own business days."""
        sight, groups = self._sight, dict[tuple[date, ...], list[tuple[str, str]]]()
        for zone, country in sight.whereabouts:
            days = self._days(opens, sight.place(zone, country))
            if days:
                groups.setdefault(days, []).append((zone or "", country or ""))
        own = sa.tuple_(sa.func.coalesce(sight.zone, ""), sa.func.coalesce(sight.country, ""))
        parts = [sa.and_(_is_one_of(self._column, days), own.in_(pairs)) for days, pairs in groups.items()]
        return sa.or_(*parts) if parts else None

    def _counts_business_days(self) -> bool:
        return isinstance(self._trigger, Moment) and _offset_unit(self._trigger) == "business_days"

    def _day_has_turned(self, opens: Opens) -> bool:
        """In any zone: otherwise no midnight can have come, and nobody needs to be looked for."""
        days = [(opens(self._sight.place(zone, None)), zone) for zone in self._sight.zones]
        return any(local_date(at, zone) != local_date(self._sight.now, zone) for at, zone in days)

    def _days(self, opens: Opens, place: Place) -> tuple[date, ...]:
        """The dates whose moment has come in this place."""
        assert isinstance(self._trigger, Moment)
        after, upto = opens(place), self._sight.now
        if _offset_unit(self._trigger) not in ("minutes", "hours"):
            # These moments are midnights, so all instants of a day see the same.
            after, upto = (local_midnight(local_date(at, place.zone), place.zone) for at in (after, upto))
        return _days(self._trigger, place, after, upto)

    # --- every so many days ---

    def _on_its_days(self, opens: Opens) -> sa.ColumnElement[bool] | None:
        """A day that lies a whole number of periods after the anchor."""
        groups: dict[tuple[date, ...], list[str]] = {}
        is_date = isinstance(self._column.type, sa.Date)
        for zone in self._sight.zones:
            first = local_date(opens(self._sight.place(zone, None)), zone)
            days = (local_date(self._sight.now, zone) - first).days
            groups.setdefault(tuple(first + timedelta(days=n + 1) for n in range(days)), []).append(zone)
        parts = []
        for days_, names in groups.items():
            fits = [self._falls_on(day) if is_date else self._falls_about(day) for day in days_[-_MOST_DAYS:]]
            if fits:
                parts.append(sa.and_(sa.or_(*fits), self._in_zones(names)))
        return sa.or_(*parts) if parts else None

    def _falls_about(self, day: date) -> sa.ColumnElement[bool]:
        """Of an instant, whose day depends on the zone."""
        one = timedelta(days=1)
        return sa.or_(*(self._falls_on(near) for near in (day - one, day, day + one)))

    def _falls_on(self, day: date) -> sa.ColumnElement[bool]:
        """engine.triggers.coming.falls_on, of the whole column."""
        assert isinstance(self._trigger, Schedule)
        assert self._trigger.every is not None
        column = self._column
        anchor = column if isinstance(column.type, sa.Date) else sa.cast(sa.func.timezone("UTC", column), sa.Date)
        period, on = parse_duration(self._trigger.every), sa.literal(day, sa.Date)
        if period.unit in ("days", "weeks"):
            every = period.amount * (7 if period.unit == "weeks" else 1)
            return sa.and_(anchor < on, sa.type_coerce(on - anchor, sa.Integer) % every == 0)
        months = (day.year * 12 + day.month) - (sa.extract("year", anchor) * 12 + sa.extract("month", anchor))
        step = period.amount * (12 if period.unit == "years" else 1)
        is_last = (day + timedelta(days=1)).month != day.month
        of_month = sa.extract("day", anchor)
        same_day = of_month >= day.day if is_last else of_month == day.day
        return sa.and_(anchor < on, months % step == 0, same_day)


_MOST_DAYS = 400
"""After an outage, the days that are looked at; of several times that were missed, the last is made good."""
_SLACK = timedelta(days=4)
"""Zones, daylight saving, months of different length."""
_DAYS_OFF = timedelta(days=16)
"""The same where business days are counted: longer than any stretch of days off."""


def _is_one_of(column: sa.ColumnElement[Any], days: Sequence[date]) -> sa.ColumnElement[bool]:
    return column == sa.any_(sa.literal(list(days), sa.ARRAY(sa.Date)))


def _offset_unit(trigger: Moment) -> str:
    return parse_duration(trigger.offset, signed=True).unit


@lru_cache(maxsize=4096)
def _days(trigger: Moment, place: Place, after: datetime, upto: datetime) -> tuple[date, ...]:
    """The dates whose moment lies after one instant, up to another."""
    low, high = (local_date(at, place.zone) for at in _range(trigger, place, after, upto))
    days = (low + timedelta(days=n) for n in range((high - low).days + 1))
    return tuple(day for day in days if _latest(trigger, day, place, after, upto) is not None)


def _range(trigger: Timed, place: Place, after: datetime, upto: datetime) -> tuple[datetime, datetime]:
    """Between which values to look: the way back through the calendar, and a bit more."""
    assert isinstance(trigger, Moment)
    offset = parse_duration(trigger.offset, signed=True)
    slack = _DAYS_OFF if offset.unit == "business_days" else _SLACK
    return subtract(after, offset, place) - slack, subtract(upto, offset, place) + slack


@lru_cache(maxsize=65_536)
def _latest(trigger: Timed, value: date | datetime, place: Place, after: datetime, upto: datetime) -> datetime | None:
    return latest(trigger, value, place, after=after, upto=upto)
