"""What the clocks of the zones in use show, as rows that SQL reads: Python works them out, so both back ends agree."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.calendars import is_zone, local_date, zone_names
from store.postgres.distinct_values import distinct_values
from store.schema import zone_offset

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
_STRIDE = timedelta(days=7)  # no zone has ever changed its clock twice within a week and back
_WEEK = _STRIDE // timedelta(seconds=1)


def ensure_zones(conn: sa.Connection, zones: Iterable[str]) -> None:
    """Write the clock changes of zones that have none yet; names that are no zones are left out."""
    wanted = sorted(zone for zone in dict.fromkeys(zones) if is_zone(zone))
    known = set(conn.execute(sa.select(zone_offset.c.zone).where(zone_offset.c.zone.in_(wanted)).distinct()).scalars())
    if new := [zone for zone in wanted if zone not in known]:
        conn.execute(_CHANGES, [_written(zone) for zone in new])


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
    changes = [(_FIRST, _offset(_FIRST, zone))]
    # Asking by the clock's own time takes a third of asking by UTC.
    weeks, ahead = _weeks(), list(map(zone.utcoffset, _weeks()))
    for n, (before, after) in enumerate(pairwise(ahead)):
        if before is None or after is None or before == after:
            continue
        usual = [since for since, _ in changes[-2:]]
        since = _first_with_another(before, weeks[n] - before, weeks[n + 1] - after, zone, usual)
        if since > _FIRST:
            changes.append((since, _offset(since, zone)))
    return tuple(changes)


@lru_cache(maxsize=64)
def _written(name: str) -> Mapping[str, str]:
    """Its changes as PostgreSQL writes lists: the driver would take longer to write hundreds of instants than the
    server does to insert them."""
    since, seconds = zip(*_changes(name), strict=True)
    return {
        "zone": name,
        "since": "{" + ",".join(str(_seconds(one)) for one in since) + "}",
        "seconds": "{" + ",".join(map(str, seconds)) + "}",
    }


@cache
def _weeks() -> Sequence[datetime]:
    """Times of a clock, a week apart: the first is over everywhere when it is `_FIRST`, the last one not yet come."""
    first = _FIRST.replace(tzinfo=None) - timedelta(days=2)
    return [first + n * _STRIDE for n in range((_LAST - _FIRST) // _STRIDE + 2)]


def _first_with_another(
    ahead: timedelta, before: datetime, after: datetime, zone: ZoneInfo, usual: Sequence[datetime]
) -> datetime:
    """The first second that is not `ahead` so much; it comes within these times, which are UTC without saying so.

    The second of the week of `usual` changes is tried first: nearly all are of a Sunday, to the hour.
    """
    low, high, old = _seconds(before), _seconds(after), int(ahead.total_seconds())
    for at in usual:
        guess = low + (int(at.timestamp()) - low) % _WEEK
        if guess <= high and _offset(_instant(guess), zone) != old == _offset(_instant(guess - 1), zone):
            return _instant(guess)
    if _offset(_instant(low), zone) != old:
        # A time that the clock leaves out counts as one before the change, though the change is over by then.
        low -= _WEEK // 7
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(_instant(middle), zone) == old else (low, middle)
    return _instant(high)


def _seconds(utc: datetime) -> int:
    return int(utc.replace(tzinfo=UTC).timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _offset(at: datetime, zone: ZoneInfo) -> int:
    offset = at.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


_CHANGES = sa.text("""
    insert into zone_offset (zone, since, seconds)
    select :zone, to_timestamp(since), seconds
    from unnest(cast(:since as bigint[]), cast(:seconds as int[])) as change (since, seconds)
    on conflict do nothing
""")

# A zone has hundreds of rows.
_IN_USE = sa.text(distinct_values("zone_offset", "zone"))
