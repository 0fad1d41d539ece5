"""What the clocks of the zones in use show, as rows that SQL reads: Python works them out, so both back ends agree."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.calendars import is_zone, local_date, zone_names
from store.distinct_values import distinct_values
from store.schema import zone_offset

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
_STRIDE = timedelta(days=7)  # no zone has ever changed its clock twice within a week and back


def ensure_zones(conn: sa.Connection, zones: Iterable[str]) -> None:
    """Write the clock changes of zones that have none yet; names that are no zones are left out."""
    wanted = sorted(zone for zone in dict.fromkeys(zones) if is_zone(zone))
    known = set(conn.execute(sa.select(zone_offset.c.zone).where(zone_offset.c.zone.in_(wanted)).distinct()).scalars())
    rows = [(zone, since, seconds) for zone in wanted if zone not in known for since, seconds in _changes(zone)]
    if rows:
        named, since, seconds = zip(*rows, strict=True)
        conn.execute(_CHANGES, {"zones": list(named), "since": list(since), "seconds": list(seconds)})


def zone_or(name: object, default: str) -> str:
    """The account's zone where it has a real one: what both back ends count its days in."""
    return name if isinstance(name, str) and is_zone(name) else default


def zones_in_use(conn: sa.Connection) -> tuple[str, ...]:
    """The zones that have rows: those of accounts that were ever projected, and of the workspace."""
    return tuple(conn.execute(_IN_USE).scalars())


def other_days(now: datetime, zone: str, zones: Sequence[str] | None = None) -> Mapping[str, date]:
    """Of `zones` (all there are, if not given), those in which it is not the day it is in `zone`, with their day."""
    # Clocks differ from UTC by whole quarters of an hour, so the days are the same throughout a quarter.
    quarter = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return _other_days(quarter, zone, None if zones is None else tuple(zones))


@lru_cache(maxsize=64)
def _other_days(now: datetime, zone: str, zones: tuple[str, ...] | None) -> Mapping[str, date]:
    usual = local_date(now, zone)
    days = {name: local_date(now, name) for name in sorted(zone_names() if zones is None else zones)}
    return {name: day for name, day in days.items() if day != usual}


@lru_cache(maxsize=64)
def _changes(name: str) -> tuple[tuple[datetime, int], ...]:
    zone = ZoneInfo(name)
    at, seconds = _FIRST, _offset(_FIRST, zone)
    changes = [(at, seconds)]
    while at < _LAST:
        after = at + _STRIDE
        if _offset(after, zone) != seconds:
            since = _first_with_another(at, after, zone)
            seconds = _offset(since, zone)
            changes.append((since, seconds))
        at = after
    return tuple(changes)


def _first_with_another(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = _offset(before, zone)
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(datetime.fromtimestamp(middle, UTC), zone) == old else (low, middle)
    return datetime.fromtimestamp(high, UTC)


def _offset(at: datetime, zone: ZoneInfo) -> int:
    offset = at.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


_CHANGES = sa.text("""
    insert into zone_offset (zone, since, seconds)
    select * from unnest(cast(:zones as text[]), cast(:since as timestamptz[]), cast(:seconds as int[]))
    on conflict do nothing
""")

# A zone has hundreds of rows.
_IN_USE = sa.text(distinct_values("zone_offset", "zone"))
