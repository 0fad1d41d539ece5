"""Date triggers whose moment has come: found by their dates in the projection, decided by the calendar, never twice."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from engine.calendars import Place, local_date, local_midnight, subtract
from engine.durations import parse_duration
from engine.triggers.base import Moment
from engine.triggers.memory import moment_of, opens_at
from store.deployed import Deployed
from store.schema import crossing, work
from store.sight import Sight

Reached = tuple[int, Mapping[str, Any]]
"""An account, and why it crosses."""


def reached(conn: sa.Connection, sight: Sight, deployed: Deployed, since: datetime | None) -> list[Reached]:
    """Moments of this playbook that came since the last sweep, or that are first learned now and not too late."""
    triggers = [one for one in deployed.compiled.triggers if one.kind == "moment" and one.id in deployed.triggers]
    return [found for trigger in triggers for found in _Search(conn, sight, deployed, trigger, since).found()]


class _Search:
    """One trigger, over all accounts."""

    def __init__(
        self, conn: sa.Connection, sight: Sight, deployed: Deployed, trigger: Moment, since: datetime | None
    ) -> None:
        self._conn, self._sight, self._playbook, self._trigger = conn, sight, deployed.playbook, trigger
        self._since = since
        self._live_since = deployed.triggers[trigger.id].since
        self._column = sight.field(trigger.field)

    def found(self) -> list[Reached]:
        rows = self._rows(self._usual, within_work=False)
        if parse_duration(self._trigger.grace).amount:
            # Whatever is known of an account in work may be new, so its moments may be a little in the past.
            rows |= self._rows(self._late, within_work=True)
        told = self._told_before(list(rows)) if rows else set()
        return [
            (account_id, self._reason(value))
            for account_id, value in sorted(rows.items())
            if (account_id, value) not in told
        ]

    def _usual(self, place: Place) -> datetime:
        return self._late(place) if self._since is None else max(self._live_since, self._since)

    def _late(self, place: Place) -> datetime:
        return opens_at(self._trigger, now=self._sight.now, since=self._since, live_since=self._live_since, place=place)

    def _rows(self, opens: Any, *, within_work: bool) -> dict[int, str]:
        """Values by account whose moment lies after `opens` of their place, up to now."""
        sight = self._sight
        near = self._near(opens)
        if near is None:
            return {}
        query = sa.select(sight.account_id, sight.zone, self._column).where(near)
        if within_work:
            query = query.where(sight.account_id.in_(sa.select(work.c.account_id)))
        found = {}
        for account_id, zone, value in self._conn.execute(query.select_from(sight.source)):
            place = sight.place(zone)
            moment = _moment(self._trigger, value, place)
            if moment is not None and opens(place) < moment <= sight.now:
                found[account_id] = value.isoformat()
        return found

    def _near(self, opens: Any) -> sa.ColumnElement[bool] | None:
        """Finds all that may be due, and nearly nothing else: exact for dates, a little wide for instants."""
        sight, column = self._sight, self._column
        if not isinstance(column.type, sa.Date):
            lows, highs = zip(*(self._range(opens, sight.place(zone)) for zone in sight.zones), strict=True)
            return sa.and_(column > min(lows), column <= max(highs))
        groups: dict[tuple[date, ...], list[str]] = {}
        for zone in sight.zones:
            groups.setdefault(self._days(opens, sight.place(zone)), []).append(zone)
        own, zones = sight.zone, sa.literal(list(sight.zones), sa.ARRAY(sa.Text))
        parts = []
        for days, names in groups.items():
            here = own == sa.any_(sa.literal(names, sa.ARRAY(sa.Text)))
            if sight.workspace.zone in names:
                here = sa.or_(here, own.is_(None), own != sa.all_(zones))
            if days:
                parts.append(sa.and_(column == sa.any_(sa.literal(list(days), sa.ARRAY(sa.Date))), here))
        return sa.or_(*parts) if parts else None

    def _days(self, opens: Any, place: Place) -> tuple[date, ...]:
        """The dates whose moment has come in this place."""
        after, upto = opens(place), self._sight.now
        if parse_duration(self._trigger.offset, signed=True).unit not in ("minutes", "hours"):
            # These moments are midnights, so all instants of a day see the same.
            after, upto = (local_midnight(local_date(at, place.zone), place.zone) for at in (after, upto))
        return _days(self._trigger, place, after, upto)

    def _range(self, opens: Any, place: Place) -> tuple[datetime, datetime]:
        return _range(self._trigger, place, opens(place), self._sight.now)

    def _told_before(self, accounts: Sequence[int]) -> set[tuple[int, str]]:
        """Accounts and values for which this trigger has crossed already."""
        rows = self._conn.execute(
            sa.select(crossing.c.account_id, crossing.c.reasons).where(
                crossing.c.playbook == self._playbook,
                crossing.c.account_id == sa.func.any(sa.cast(accounts, sa.ARRAY(sa.BigInteger))),
                crossing.c.reasons.contains([{"trigger": self._trigger.id}]),
            )
        )
        return {
            (row.account_id, reason["values"].get(self._trigger.field))
            for row in rows
            for reason in row.reasons
            if reason["trigger"] == self._trigger.id
        }

    def _reason(self, value: str) -> Mapping[str, Any]:
        trigger = self._trigger
        return {"trigger": trigger.id, "kind": "moment", "says": trigger.says, "values": {trigger.field: value}}


_SLACK = timedelta(days=4)
"""Zones, daylight saving, months of different length."""
_DAYS_OFF = timedelta(days=16)
"""The same where business days are counted: longer than any stretch of days off."""


@lru_cache(maxsize=4096)
def _days(trigger: Moment, place: Place, after: datetime, upto: datetime) -> tuple[date, ...]:
    """The dates whose moment lies after one instant, up to another."""
    low, high = (local_date(at, place.zone) for at in _range(trigger, place, after, upto))
    days = (low + timedelta(days=n) for n in range((high - low).days + 1))
    moments = ((day, _moment(trigger, day, place)) for day in days)
    return tuple(day for day, moment in moments if moment is not None and after < moment <= upto)


def _range(trigger: Moment, place: Place, after: datetime, upto: datetime) -> tuple[datetime, datetime]:
    """Between which values to look: the way back through the calendar, and a bit more."""
    offset = parse_duration(trigger.offset, signed=True)
    slack = _DAYS_OFF if offset.unit == "business_days" else _SLACK
    return subtract(after, offset, place) - slack, subtract(upto, offset, place) + slack


@lru_cache(maxsize=65_536)
def _moment(trigger: Moment, value: date | datetime, place: Place) -> datetime | None:
    return moment_of(trigger, value, place)
