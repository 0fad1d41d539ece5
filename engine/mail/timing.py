"""Decides whether a mail may leave at a moment, by the send window and the caps; who counts brings what has left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from engine.calendars import Place, add_months, at_wall, is_business_day, local_date, local_midnight
from engine.mail.policy import Cap, CounterOf, MailPolicy, Window

_AHEAD = 400
"""Days that are looked through for an opening: as far as holidays are known."""
_NAMED = 3
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Left:
    """A mail that has left, or may have, and counts."""

    at: datetime
    whose: str
    """Which playbook sent it, and with what priority."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A mail that may not leave now: it waits, is skipped, or lets another go first that is due as well."""

    outcome: Literal["wait", "skip", "yield"]
    reason: str
    until: datetime | None = None
    """When a mail that waits is looked at again."""


def judge(
    policy: MailPolicy,
    now: datetime,
    place: Place,
    left: Mapping[CounterOf, Sequence[Left]],
    ahead: Mapping[CounterOf, int] | None = None,
) -> Verdict | None:
    """None for a mail that may leave. `place` is the recipient's; `left`: mails to this person, and to this account.

    `ahead`: how many others are due that go first. They take their places before this one; should they come to nothing,
    it is asked again.
    """
    closed = _closed(policy.window, now, place) if policy.window else None
    return closed or _capped(policy, now, place, left) or _behind(policy, now, place, left, ahead or {})


def reach(policy: MailPolicy) -> timedelta:
    """How far back mails count."""
    spans = [cap.within.exact for cap in policy.caps if cap.within is not None]
    # A month, and a day for the zones.
    return max([span for span in spans if span is not None], default=_DAY * 32) + _DAY * 32


# --- the window -------------------------------------------------------------------------------------------------------


def _closed(window: Window, now: datetime, place: Place) -> Verdict | None:
    if is_open(window, now, place):
        return None
    if window.then == "skip":
        return Verdict(outcome="skip", reason=f"the send window ({window.says()}) is closed")
    opens = next_opening(window, now, place)
    if opens is None:
        return Verdict(outcome="skip", reason=f"the send window never opens there ({window.says()})")
    return Verdict(outcome="wait", reason=f"the send window ({window.says()}) is closed", until=opens)


def is_open(window: Window, now: datetime, place: Place) -> bool:
    """Whether a window that opened today, or yesterday across midnight, is open."""
    today = local_date(now, place.zone)
    return any(
        _opens_on(window, day, place) and opens <= now < closes
        for day in (today - _DAY, today)
        for opens, closes in (_bounds(window, day, place),)
    )


def next_opening(window: Window, now: datetime, place: Place) -> datetime | None:
    """The first moment after `now` at which it opens; None where it never does."""
    today = local_date(now, place.zone)
    for day in (today + _DAY * n for n in range(_AHEAD)):
        opens, closes = _bounds(window, day, place)
        # A clock change can swallow a short window.
        if now < opens < closes and _opens_on(window, day, place):
            return opens
    return None


def _opens_on(window: Window, day: date, place: Place) -> bool:
    if window.business_days_only and not is_business_day(day, place):
        return False
    return day.weekday() not in place.weekend if window.days is None else day.weekday() in window.days


def _bounds(window: Window, day: date, place: Place) -> tuple[datetime, datetime]:
    opens, closes = time.fromisoformat(window.opens), time.fromisoformat(window.closes)
    last = day if opens < closes else day + _DAY
    return at_wall(datetime.combine(day, opens), place.zone), at_wall(datetime.combine(last, closes), place.zone)


# --- caps -------------------------------------------------------------------------------------------------------------


def _capped(
    policy: MailPolicy, now: datetime, place: Place, left: Mapping[CounterOf, Sequence[Left]]
) -> Verdict | None:
    full = [(cap, counted) for cap in policy.caps if len(counted := _counted(cap, now, place, left)) >= cap.at_most]
    if not full:
        return None
    skipping = next((one for one in full if one[0].then == "skip"), None)
    if skipping is not None:
        return Verdict(outcome="skip", reason=_says(*skipping))
    until, cap, counted = max(
        ((_free_at(cap, counted, now, place), cap, counted) for cap, counted in full), key=lambda one: one[0]
    )
    if policy.window is not None and not is_open(policy.window, until, place):
        until = next_opening(policy.window, until, place) or until
    return Verdict(outcome="wait", reason=_says(cap, counted), until=until)


def _behind(
    policy: MailPolicy,
    now: datetime,
    place: Place,
    left: Mapping[CounterOf, Sequence[Left]],
    ahead: Mapping[CounterOf, int],
) -> Verdict | None:
    for cap in policy.caps:
        first = ahead.get(cap.per, 0)
        if first and len(_counted(cap, now, place, left)) + first >= cap.at_most:
            return Verdict(outcome="yield", reason=f"{cap.says()}: mail of higher priority is due as well")
    return None


def _counted(cap: Cap, now: datetime, place: Place, left: Mapping[CounterOf, Sequence[Left]]) -> list[Left]:
    if cap.within is not None:
        assert cap.within.exact is not None, "a span is always equally long"
        since = now - cap.within.exact
        return sorted((one for one in left[cap.per] if one.at > since), key=lambda one: one.at)
    since = local_midnight(_period(cap, now, place)[0], place.zone)
    return sorted((one for one in left[cap.per] if one.at >= since), key=lambda one: one.at)


def _free_at(cap: Cap, counted: Sequence[Left], now: datetime, place: Place) -> datetime:
    if cap.within is not None:
        assert cap.within.exact is not None, "a span is always equally long"
        return counted[-cap.at_most].at + cap.within.exact
    return local_midnight(_period(cap, now, place)[1], place.zone)


def _period(cap: Cap, now: datetime, place: Place) -> tuple[date, date]:
    """The first day of the recipient's day, week or month, and that of the next."""
    today = local_date(now, place.zone)
    match cap.each:
        case "week":
            monday = today - _DAY * today.weekday()
            return monday, monday + _DAY * 7
        case "month":
            first = today.replace(day=1)
            return first, add_months(first, 1) or first + _DAY * 31
        case _:
            return today, today + _DAY


def _says(cap: Cap, counted: Sequence[Left]) -> str:
    """The cap, and who had its places."""
    taken = [one.whose for one in counted[-_NAMED:]]
    return f"{cap.says()}, taken by {', '.join(dict.fromkeys(reversed(taken)))}"
