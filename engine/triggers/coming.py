"""When dates and schedules come: the instants of a trigger for one account, by its value and its place."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import partial

from engine.calendars import Place, add, add_months, local_date, local_midnight, subtract
from engine.cron import parse_cron
from engine.durations import Duration, parse_duration
from engine.triggers.base import Moment, Occurrence, Schedule

Timed = Moment | Schedule


def moment_of(trigger: Moment, value: date | datetime, place: Place) -> datetime | None:
    """When a date trigger comes: local midnight of the date, moved by the offset; an instant is moved as it is.

    None where that lies beyond the calendar, as around 9999-12-31: it never comes.
    """
    return _moved(value, parse_duration(trigger.offset, signed=True), place)


def anchor_of(trigger: Timed) -> tuple[str | None, date | None]:
    """The field it is counted from, or else the fixed date; neither for cron."""
    if isinstance(trigger, Moment):
        return trigger.field, None
    if trigger.cron is not None:
        return None, None
    return (None, date.fromisoformat(trigger.anchor)) if trigger.anchor[:1].isdigit() else (trigger.anchor, None)


def latest(
    trigger: Timed, value: date | datetime | None, place: Place, *, after: datetime, upto: datetime
) -> datetime | None:
    """The last of its times after one instant, up to another; `value` is the field's, or the fixed date."""
    if isinstance(trigger, Schedule) and trigger.cron is not None:
        return parse_cron(trigger.cron).latest(after, upto, trigger.zone or place.zone)
    if value is None:
        return None
    if isinstance(trigger, Moment):
        moment = moment_of(trigger, value, place)
    else:
        moment = next((one for _, one in _times(trigger, value, place, upto) if one <= upto), None)
    return moment if moment is not None and after < moment <= upto else None


def following(trigger: Timed, value: date | datetime | None, place: Place, after: datetime) -> datetime | None:
    """The first of its times after an instant; None when it never comes again."""
    if isinstance(trigger, Schedule) and trigger.cron is not None:
        return parse_cron(trigger.cron).after(after, trigger.zone or place.zone)
    if value is None:
        return None
    if isinstance(trigger, Moment):
        moment = moment_of(trigger, value, place)
        return moment if moment is not None and moment > after else None
    found = [one for _, one in _times(trigger, value, place, after) if one > after]
    return found[-1] if found else None


def days_that_come(trigger: Moment, place: Place, *, after: datetime, upto: datetime) -> tuple[date, ...]:
    """The dates whose moment lies after one instant, up to another."""
    low, high = (local_date(at, place.zone) for at in values_around(trigger, place, after=after, upto=upto))
    days = [low + timedelta(days=n) for n in range((high - low).days + 1)]
    comes = partial(_comes, trigger, place)
    if parse_duration(trigger.offset, signed=True).unit in _IN_ORDER:
        first, end = (bisect_right(days, at, key=comes) for at in (after, upto))
        return tuple(days[first:end])
    return tuple(day for day in days if after < comes(day) <= upto)


def values_around(trigger: Moment, place: Place, *, after: datetime, upto: datetime) -> tuple[datetime, datetime]:
    """Between which values those lie whose moment comes then: the way back through the calendar, and a bit more."""
    offset = parse_duration(trigger.offset, signed=True)
    slack = _DAYS_OFF if offset.unit == "business_days" else _SLACK
    return subtract(after, offset, place) - slack, subtract(upto, offset, place) + slack


def _comes(trigger: Moment, place: Place, day: date) -> datetime:
    return moment_of(trigger, day, place) or _NEVER


_IN_ORDER = ("minutes", "hours", "days", "weeks")
"""Units by which no day comes before an earlier one. By months and business days several may come on one day, and where
a clock leaves out midnight, the first of them an hour after the others."""
_SLACK = timedelta(days=4)
"""Zones, daylight saving, months of different length."""
_DAYS_OFF = timedelta(days=16)
"""The same where business days are counted: longer than any stretch of days off."""
_NEVER = datetime.max.replace(tzinfo=UTC)


def opens_at(trigger: Timed, *, now: datetime, since: datetime | None, live_since: datetime, place: Place) -> datetime:
    """Times after this instant, up to now, fire for an account about which something was learned since `since`, the
    last sweep. A cron expression is nothing that one learns: its grace bounds how late the sweep itself may be."""
    late = subtract(now, parse_duration(trigger.grace), place)
    if isinstance(trigger, Schedule) and trigger.cron is not None:
        return max(live_since, late if since is None else max(since, late))
    return max(live_since, late if since is None else min(since, late))


def asked_at(
    trigger: Occurrence, at: datetime, learned_at: datetime, *, live_since: datetime, place: Place
) -> datetime | None:
    """When an event is asked whether it starts something; None where it came too early or was learned too late."""
    if at <= live_since or learned_at > add(at, parse_duration(trigger.grace), place):
        return None
    known = max(at, learned_at)
    return add(known, parse_duration(trigger.settle), place) if trigger.settle else known


def falls_on(trigger: Schedule, anchor: date, day: date) -> bool:
    """Whether a day is one of the days of `every … from`: what SQL is to say of a whole column."""
    assert trigger.every is not None
    period = parse_duration(trigger.every)
    if day <= anchor:
        return False
    if period.unit in ("days", "weeks"):
        return (day - anchor).days % (period.amount * (7 if period.unit == "weeks" else 1)) == 0
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    step = period.amount * (12 if period.unit == "years" else 1)
    return months % step == 0 and add_months(anchor, months) == day


def _times(trigger: Schedule, value: date | datetime, place: Place, around: datetime) -> list[tuple[int, datetime]]:
    """Its times near an instant with their numbers, the latest first; on both sides, where it has any."""
    assert trigger.every is not None
    period = parse_duration(trigger.every)
    # An instant counts as its day, so that schedules are a matter of days.
    day = local_date(value, place.zone) if isinstance(value, datetime) else value
    start = local_midnight(day, place.zone)
    near = int((around - start) / (_ROUGHLY[period.unit] * period.amount))
    found = []
    for n in range(max(near + 3, 1), max(near - 3, 0), -1):
        try:
            at = _moved(day, Duration(n * period.amount, period.unit), place)
        except ValueError:  # more than a hundred years on
            continue
        if at is not None:
            found.append((n, at))
    return found


_ROUGHLY = {
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
    "months": timedelta(days=30.436875),
    "years": timedelta(days=365.2425),
}


def _moved(value: date | datetime, by: Duration, place: Place) -> datetime | None:
    try:
        at = value if isinstance(value, datetime) else local_midnight(value, place.zone)
        return add(at, by, place)
    except (OverflowError, ValueError):
        return None
