"""When a mail may leave: the send window in the recipient's zone, rolling and calendar caps, and who goes first."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars import Place
from engine.mail.policy import Cap, MailPolicy, Window
from engine.mail.timing import Left, is_open, judge, next_opening

BERLIN = Place(zone="Europe/Berlin", holidays=(date(2026, 12, 25),))
NEW_YORK = Place(zone="America/New_York")
DUBAI = Place(zone="Asia/Dubai", weekend=(4, 5))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def verdict_on(*question):
    return judge(*question)


def policy(**parts):
    return MailPolicy.model_validate(parts)


def left(*times, whose="renewal (priority 70)"):
    return [Left(at=at(time), whose=whose) for time in times]


OFFICE = Window(opens="08:00", closes="18:00")
NIGHT = Window(opens="22:00", closes="02:00", days=["friday"])


@pytest.mark.parametrize(
    ("window", "place", "now", "opens"),
    [
        (OFFICE, BERLIN, "2026-11-23T07:00", None),
        (OFFICE, BERLIN, "2026-11-23T06:59:59", "2026-11-23T07:00"),
        (OFFICE, BERLIN, "2026-11-23T17:00", "2026-11-24T07:00"),
        (OFFICE, NEW_YORK, "2026-11-23T12:59", "2026-11-23T13:00"),
        (OFFICE, BERLIN, "2026-11-27T17:00", "2026-11-30T07:00"),
        (OFFICE, DUBAI, "2026-11-29T06:00", None),
        (OFFICE, DUBAI, "2026-11-27T06:00", "2026-11-29T04:00"),
        (OFFICE.model_copy(update={"business_days_only": True}), BERLIN, "2026-12-24T20:00", "2026-12-28T07:00"),
        (OFFICE, BERLIN, "2026-12-24T20:00", "2026-12-25T07:00"),
        (NIGHT, BERLIN, "2026-11-27T22:00", None),
        (NIGHT, BERLIN, "2026-11-28T00:59", None),
        (NIGHT, BERLIN, "2026-11-28T01:00", "2026-12-04T21:00"),
        (NIGHT, BERLIN, "2026-11-27T00:30", "2026-11-27T21:00"),
        # Clocks go forward at 02:00: what opens in the gap opens behind it.
        (Window(opens="02:30", closes="05:00", days=["sunday"]), BERLIN, "2026-03-29T00:00", "2026-03-29T01:30"),
        (Window(opens="02:00", closes="02:30", days=["sunday"]), BERLIN, "2026-03-28T12:00", "2026-03-29T01:00"),
        # Clocks go back at 03:00: the hour that comes twice begins with its first.
        (Window(opens="02:30", closes="05:00", days=["sunday"]), BERLIN, "2026-10-25T00:00", "2026-10-25T00:30"),
    ],
)
def test_a_window_opens_by_the_recipients_clock(window, place, now, opens):
    verdict = verdict_on(policy(window=window), at(now), place, {"contact": [], "account": []})
    assert (verdict and (verdict.outcome, verdict.until)) == (("wait", at(opens)) if opens else None)


def test_a_window_that_never_opens_there_or_says_skip_skips():
    never = OFFICE.model_copy(update={"days": (5,), "business_days_only": True})
    skip = OFFICE.model_copy(update={"then": "skip"})
    for window, says in ((never, "never opens"), (skip, "is closed")):
        verdict = verdict_on(policy(window=window), at("2026-11-22T12:00"), BERLIN, {"contact": [], "account": []})
        assert verdict.outcome == "skip"
        assert says in verdict.reason


NONE: list[Left] = []
WEEKLY = Cap(per="contact", at_most=2, within="7 days")
DAILY = Cap(per="account", at_most=1, each="day")
EACH_WEEK, EACH_MONTH = (Cap(per="contact", at_most=1, each=each) for each in ("week", "month"))


@pytest.mark.parametrize(
    ("caps", "now", "contact", "account", "until"),
    [
        ([WEEKLY], "2026-11-23T09:00", left("2026-11-20T09:00"), NONE, None),
        ([WEEKLY], "2026-11-23T09:00", left("2026-11-20T09:00", "2026-11-17T08:00"), NONE, "2026-11-24T08:00"),
        ([WEEKLY], "2026-11-24T08:00", left("2026-11-20T09:00", "2026-11-17T08:00"), NONE, None),
        # More than the cap have left, since it was higher: the place is free when enough of them are old.
        (
            [WEEKLY],
            "2026-11-23T09:00",
            left("2026-11-20T09:00", "2026-11-17T08:00", "2026-11-18T08:00"),
            NONE,
            "2026-11-25T08:00",
        ),
        ([DAILY], "2026-11-23T22:59", NONE, left("2026-11-23T00:00"), "2026-11-23T23:00"),
        ([DAILY], "2026-11-23T23:00", NONE, left("2026-11-23T22:59"), None),
        ([EACH_WEEK], "2026-11-25T09:00", left("2026-11-22T23:00"), NONE, "2026-11-29T23:00"),
        ([EACH_WEEK], "2026-11-25T09:00", left("2026-11-22T22:59"), NONE, None),
        ([EACH_MONTH], "2026-12-31T09:00", left("2026-12-01T09:00"), NONE, "2026-12-31T23:00"),
        (
            [WEEKLY, Cap(per="account", at_most=1, each="month")],
            "2026-11-23T09:00",
            left("2026-11-20T09:00", "2026-11-17T08:00"),
            left("2026-11-20T09:00"),
            "2026-11-30T23:00",
        ),
    ],
)
def test_a_full_cap_waits_until_a_place_is_free(caps, now, contact, account, until):
    verdict = verdict_on(policy(caps=caps), at(now), BERLIN, {"contact": contact, "account": account})
    assert (verdict and (verdict.outcome, verdict.until)) == (("wait", at(until)) if until else None)


def test_a_place_that_gets_free_at_night_is_taken_in_the_morning():
    both = policy(caps=[Cap(per="contact", at_most=1, each="day")], window=OFFICE)
    verdict = verdict_on(both, at("2026-11-23T12:00"), BERLIN, {"contact": left("2026-11-23T09:00"), "account": []})
    assert verdict.until == at("2026-11-24T07:00")


def test_a_cap_that_skips_goes_before_one_that_waits_and_names_who_had_the_places():
    caps = [WEEKLY, Cap(per="account", at_most=1, each="day", then="skip")]
    sent = {"contact": left("2026-11-20T09:00", "2026-11-22T08:00"), "account": left("2026-11-23T08:00")}
    verdict = verdict_on(policy(caps=caps), at("2026-11-23T09:00"), BERLIN, sent)
    assert (verdict.outcome, verdict.reason) == (
        "skip",
        "no more than 1 mail a day to one account, taken by renewal (priority 70)",
    )


def test_who_is_due_and_goes_first_takes_a_place():
    caps = policy(caps=[WEEKLY.model_copy(update={"then": "skip"})])
    sent = {"contact": left("2026-11-20T09:00"), "account": []}
    assert verdict_on(caps, at("2026-11-23T09:00"), BERLIN, sent, {"contact": 0, "account": 5}) is None
    verdict = verdict_on(caps, at("2026-11-23T09:00"), BERLIN, sent, {"contact": 1, "account": 5})
    assert verdict.outcome == "yield", "those may come to nothing yet"


_clock = st.times().map(lambda time: f"{time:%H:%M}")
_moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: at("2025-01-01T00:00") + timedelta(minutes=minutes))
_places = st.sampled_from([BERLIN, NEW_YORK, DUBAI, Place(zone="Australia/Lord_Howe")])


@given(_clock, _clock, _moments, _places, st.booleans())
def test_the_next_opening_is_when_it_opens_and_not_before(opens, closes, now, place, business):
    if opens == closes:
        return
    window = Window(opens=opens, closes=closes, business_days_only=business)
    if is_open(window, now, place):
        return
    opening = next_opening(window, now, place)
    assert opening is not None
    assert now < opening
    assert is_open(window, opening, place)
    between = [now + (opening - now) * share / 16 for share in range(16)]
    assert not any(is_open(window, moment, place) for moment in [*between, opening - timedelta(microseconds=1)])


_caps = st.builds(
    lambda per, most, how: Cap.model_validate({"per": per, "at_most": most} | how),
    st.sampled_from(["contact", "account"]),
    st.integers(1, 3),
    st.sampled_from(
        [{"within": "3 days"}, {"within": "36 hours"}, {"each": "day"}, {"each": "week"}, {"each": "month"}]
    ),
)


@given(st.lists(_caps, min_size=1, max_size=3), st.lists(_moments, max_size=8), _places)
def test_a_mail_that_waits_as_told_and_asks_again_leaves_in_the_end(caps, times, place):
    """Nobody else sends meanwhile: each wait ends later, and the last is granted."""
    now = max(times, default=at("2026-11-23T09:00"))
    sent = [Left(at=one, whose="x") for one in times]
    both = {"contact": sent, "account": sent}
    for _ in range(20):
        verdict = verdict_on(policy(caps=caps, window=OFFICE), now, place, both)
        if verdict is None:
            return
        assert verdict.until > now
        now = verdict.until
    raise AssertionError("it waits for ever")
