"""Schedules, events, modes of entry and the life of a playbook, as the sweep carries them out."""

from datetime import date, datetime, timedelta

import pytest

from engine.entry import is_held_out
from engine.facts import ContactFact, EventFact
from store import clock
from store.deciding.enrolment import CannotEnrol, enrol
from store.deciding.sweep import dry_run
from store.deploying.deploy import DeployRefused, NothingDeployed, pause, resume, rollback, switch_off
from tests.store.world import DAY, FALLS, START, WORKSPACE, World, workspace

EVENTS = WORKSPACE + "calendar: { country: DE }\nevents:\n  login: { n: number, kind: text }\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def world(database):
    world = World(database)
    world.workspace = workspace(EVENTS)
    return world


def reasons(world):
    return [reasons for (reasons,) in world.rows("select reasons from crossing order by id")]


def states(world):
    return [(key, state, why) for key, _, state, why in world.crossings()]


def login(key, name, at, **props):
    return EventFact(type="login", account=key, key=name, at=at, props=props)


# --- schedules -------------------------------------------------------------------------------------------------------


def test_a_schedule_counts_days_from_each_accounts_own_date(world):
    world.deploy(qbr="triggers: [{ schedule: every 10 days from account.signup_date }]")
    world.account("acme", signup_date="2026-02-22")  # due on 4 March
    world.account("bee", signup_date="2026-02-26")  # due on 8 March
    world.account("cat", name="Cat")
    world.sweep()
    crossed = []
    for _ in range(14):
        world.day()
        crossed.append([key for key, *_ in world.crossings()])
    assert crossed[0] == []
    assert crossed[1] == ["acme"]
    assert crossed[5] == ["acme", "bee"]
    assert crossed[11] == ["acme", "bee", "acme"]
    assert reasons(world)[0][0]["values"] == {
        "account.signup_date": "2026-02-22",
        "due": "2026-03-03T23:00:00+00:00",
    }


def test_of_times_that_nobody_swept_the_last_is_made_good_once(world):
    world.deploy(qbr="triggers: [{ schedule: every week from account.signup_date }]")
    world.account("acme", signup_date="2026-02-25")
    world.sweep()
    world.pass_time(30 * DAY)
    assert world.sweep().crossings == 1
    assert world.day().crossings == 0
    assert reasons(world)[0][0]["values"]["due"].startswith("2026-03-31T22:00")


@pytest.mark.parametrize(("grace", "crossings"), [("0 days", 0), ("3 days", 1)])
def test_a_date_learned_late_counts_within_its_grace_and_never_twice(world, grace, crossings):
    world.deploy(qbr=f"triggers: [{{ schedule: every 10 days from account.signup_date, grace: {grace} }}]")
    world.account("acme", name="Acme")
    world.sweep()
    world.pass_time(4 * DAY)
    world.sweep()
    world.account("acme", signup_date="2026-02-22")  # it would have come on 4 March
    assert world.sweep().crossings == crossings
    world.account("acme", name="Acme again")
    assert world.sweep().crossings == 0


def test_a_cron_expression_comes_by_each_accounts_clock_for_those_in_the_audience(world):
    world.deploy(check='audience: account.segment == "big"\ntriggers: [{ schedule: { cron: "0 9 * * tue" } }]')
    world.account("acme", segment="big")
    world.account("kiwi", segment="big", zone="Pacific/Auckland")
    world.account("tiny", segment="small")
    world.sweep()
    found = []
    # Tuesday 3 March, 09:00: in Auckland on Monday 20:00 UTC, in Berlin at 08:00 UTC.
    for hours in (10, 2, 10, 2, 24, 6 * 24):
        world.pass_time(timedelta(hours=hours))
        world.sweep()
        found.append([key for key, *_ in world.crossings()])
    assert found[:5] == [[], ["kiwi"], ["kiwi"], ["kiwi", "acme"], ["kiwi", "acme"]]
    assert sorted(found[5]) == ["acme", "acme", "kiwi", "kiwi"]


def test_a_cron_time_in_one_zone_is_the_same_for_all_and_not_made_good_after_its_grace(world):
    trigger = '{ schedule: { cron: "0 9 * * *", zone: America/New_York }, grace: 2 hours }'
    world.deploy(check=f"triggers: [{trigger}]")
    world.account("acme", name="Acme")
    world.account("kiwi", zone="Pacific/Auckland")
    world.sweep()
    world.pass_time(timedelta(hours=5, minutes=30))  # 14:30 UTC; it came at 14:00
    assert world.sweep().crossings == 2
    world.pass_time(timedelta(hours=26))  # 16:30: the time of 14:00 is too old by now
    assert world.sweep().crossings == 0


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_event_starts_once_with_all_reasons_however_often_it_is_told(world):
    world.deploy(thanks='triggers: [{ event: login, where: n >= 3 and kind == "export" }]')
    world.account("acme", name="Acme")
    world.sweep()
    at = world.now
    first, second = (
        login("acme", "a", at + HOUR, n=3.0, kind="export"),
        login("acme", "b", at + HOUR, n=4.0, kind="export"),
    )
    other = login("acme", "c", at + HOUR, n=9.0, kind="view")
    world.pass_time(2 * HOUR)
    world.tell(first, second, other)
    assert world.sweep().started == 1
    assert [reason["values"]["event"] for reason in reasons(world)[0]] == ["a", "b"]
    assert reasons(world)[0][0]["values"] == {
        "n": 3.0,
        "kind": "export",
        "event": "a",
        "at": "2026-03-02T10:00:01+00:00",
    }
    world.tell(first)
    assert world.sweep().crossings == 0


def test_an_event_settles_before_it_is_asked(world):
    world.deploy(thanks="triggers: [{ event: login, where: n > account.arr, settle: 5 minutes }]")
    world.account("acme", arr=10.0)
    world.sweep()
    world.tell(login("acme", "a", world.now, n=7.0))
    assert world.sweep().crossings == 0
    world.account("acme", arr=5.0)  # its data arrives
    world.pass_time(timedelta(minutes=4))
    assert world.sweep().crossings == 0
    world.pass_time(timedelta(minutes=1))
    assert world.sweep().started == 1
    assert world.rows("select count(*) from settling") == [(0,)]


def test_late_events_start_within_their_grace_and_old_ones_never(world):
    world.deploy(thanks="triggers: [{ event: login, grace: 2 days }]")
    world.account("acme", name="Acme")
    world.pass_time(10 * DAY)
    world.sweep()
    world.tell(login("acme", "late", world.now - DAY), login("acme", "too late", world.now - 3 * DAY))
    world.tell(login("acme", "before", START - DAY))
    assert world.sweep().started == 1
    assert [reason["values"]["event"] for reason in reasons(world)[0]] == ["late"]


def test_events_that_settle_are_forgotten_when_the_playbook_is_switched_off(world):
    world.deploy(thanks="triggers: [{ event: login, settle: 1 day }]")
    world.account("acme", name="Acme")
    world.sweep()
    world.tell(login("acme", "a", world.now))
    world.sweep()
    with world.tx() as conn:
        switch_off(conn, "thanks")
    assert world.rows("select count(*) from settling") == [(0,)]


# --- while it is running already -------------------------------------------------------------------------------------


def twice(world, mode):
    world.deploy(risk=f"entry: {{ {mode} }}" + FALLS)
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.day(nps=80.0)
    world.day(nps=50.0)


def test_a_crossing_while_the_same_is_running_is_skipped(world):
    twice(world, "already_running: skip")
    assert [state for _, state, _ in states(world)] == ["started", "not_started"]


def test_restart_ends_the_run_and_starts_when_that_is_recorded(world):
    twice(world, "already_running: restart, again_after: 60 days")
    assert states(world)[1] == ("acme", "held", "waits for run 1 of risk to end")
    assert world.told(1) == [("end", "stop", {"reason": "started anew"})]
    world.account("acme", name="Acme once more")
    world.sweep()
    assert len(world.told(1)) == 1
    world.end(1, "stop", "started anew")
    assert world.sweep().started == 1
    assert [state for *_, state in world.runs()] == ["ended", "open"]


def test_queue_starts_after_the_run_if_the_condition_still_holds(world):
    twice(world, "already_running: queue")
    assert states(world)[1] == ("acme", "held", "queued behind run 1 of risk")
    assert world.told(1) == []
    world.end(1)
    assert world.sweep().started == 1
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.day(nps=80.0)
    world.end(2)
    world.sweep()
    assert states(world)[2] == ("acme", "lapsed", "recovered before it could start")


# --- holdout ---------------------------------------------------------------------------------------------------------


def test_the_holdout_is_recorded_like_starts_and_never_starts(world):
    keys = [f"acct-{n}" for n in range(12)]
    out = {key for key in keys if is_held_out("risk", key, 40)}
    assert 0 < len(out) < len(keys)
    manual = FALLS + "  - manual: true\n"
    world.deploy(risk="entry: { holdout: 40%, again_after: 5 days }" + manual)
    for value in (80.0, 50.0):
        world.pass_time()
        for key in keys:
            world.account(key, name=key)
            world.metric(key, "nps", value)
        report = world.sweep()
    assert (report.started, report.held_out) == (len(keys) - len(out), len(out))
    assert {key for key, state, _ in states(world) if state == "held_out"} == out
    # They count as if they had run: by hand they meet the cool-down first, and then the holdout.
    for wait, expected in ((DAY, "held"), (9 * DAY, "held_out")):
        world.pass_time(wait)
        with world.tx() as conn:
            answer = enrol(conn, "risk", min(out), "kim")
        assert not isinstance(answer, CannotEnrol)
        assert answer.ruling.state == expected


@pytest.mark.parametrize(("share", "off", "allowed"), [("5%", False, True), ("20%", False, False), ("20%", True, True)])
def test_a_holdout_may_only_shrink_while_the_playbook_is_live(world, share, off, allowed):
    world.deploy(risk="entry: { holdout: 10% }" + FALLS)
    if off:
        with world.tx() as conn:
            switch_off(conn, "risk")
    if allowed:
        assert world.deploy(risk=f"entry: {{ holdout: {share} }}" + FALLS).changed == ("risk",)
    else:
        with pytest.raises(DeployRefused, match=r"would grow from 10 % to 20 %.*may only shrink"):
            world.deploy(risk=f"entry: {{ holdout: {share} }}" + FALLS)


# --- keys ------------------------------------------------------------------------------------------------------------

RENEWAL = "entry: { key: account.renewal_date }\ntriggers: [{ date: account.renewal_date - 5 days }]"


def test_an_open_run_is_rekeyed_when_its_date_moves_and_only_a_date_beyond_the_term_opens_a_new_one(world):
    world.deploy(renewal=RENEWAL)
    world.account("acme", renewal_date="2026-03-08")
    world.sweep()
    world.day()
    world.account("acme", renewal_date="2026-03-20")  # within thirty days: the same enrolment
    world.sweep()
    assert world.rows("select entry_key from run") == [("2026-03-20",)]
    world.pass_time(15 * DAY)
    world.sweep()
    assert states(world)[1] == ("acme", "not_started", "already running (run 1 of renewal)")
    world.account("acme", renewal_date="2026-05-30")
    world.pass_time(75 * DAY)
    world.sweep()
    assert world.rows("select entry_key, state from run order by id") == [
        ("2026-03-20", "open"),
        ("2026-05-30", "open"),
    ]


# --- calendars -------------------------------------------------------------------------------------------------------


def test_business_days_are_those_of_the_accounts_country(world):
    world.deploy(call="triggers: [{ date: account.renewal_date - 1 business day }]")
    # 6 April 2026 is Easter Monday in Germany, and an ordinary day in the United States.
    world.account("own", renewal_date="2026-04-07")
    world.account("us", renewal_date="2026-04-07", country="US")
    world.account("odd", renewal_date="2026-04-07", country="Atlantis")
    world.pass_time(timedelta(days=30))
    world.sweep()
    crossed: dict[str, date] = {}
    for _ in range(7):
        world.day()
        for key, *_ in world.crossings():
            crossed.setdefault(key, world.now.date())
    assert crossed == {"own": date(2026, 4, 2), "us": date(2026, 4, 6), "odd": date(2026, 4, 2)}


# --- the life of a playbook ------------------------------------------------------------------------------------------


def test_a_deploy_says_what_changed_and_for_whom_a_new_trigger_is_true(world):
    world.deploy(risk=FALLS)
    for key in ("bee", "acme"):
        world.account(key, name=key)
        world.metric(key, "nps", 40.0)
    world.sweep()
    body = "priority: 70\nentry: { again_after: 30 days }\ntriggers:\n  - metric: nps\n    falls_below: 45\n"
    report = world.deploy(risk=body)
    assert report.differences["risk"] == (
        "priority: 50 → 70",
        "trigger dropped: nps fell below 60",
        "trigger added: nps fell below 45",
        "entry again_after: none → 30 days",
    )
    assert (report.existing["risk"], report.of_whom["risk"]) == (2, ("acme", "bee"))


def test_rolling_back_deploys_an_earlier_version_and_open_runs_keep_theirs(world):
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.deploy(risk="priority: 70\n" + FALLS)
    with world.tx() as conn:
        version, report = rollback(conn, "risk", None, clock.now(conn))
    assert (version, report.differences["risk"]) == (1, ("priority: 70 → 50",))
    assert world.rows("select version, state from playbook") == [(1, "active")]
    with world.tx() as conn:
        assert rollback(conn, "risk", 2, clock.now(conn))[0] == 2
    for name, to, says in (("risk", 9, "there are 1, 2"), ("none", None, "is not deployed")):
        with world.tx() as conn, pytest.raises(NothingDeployed, match=says):
            rollback(conn, name, to, clock.now(conn))


def test_a_version_whose_fields_are_gone_cannot_come_back(world):
    world.deploy(workspace(WORKSPACE + "fields:\n  account.vip: bool\n"), risk="audience: account.vip" + FALLS)
    world.deploy(risk=FALLS)
    world.deploy(workspace(), risk=FALLS)
    with world.tx() as conn, pytest.raises(DeployRefused, match=r"would read account\.vip"):
        rollback(conn, "risk", 1, clock.now(conn))


def test_a_pause_holds_what_crosses_and_remembers_what_it_saw(world):
    world.deploy(risk=FALLS, late="triggers: [{ event: login }]")
    world.account("acme", name="Acme")
    world.day(nps=80.0)
    with world.tx() as conn:
        pause(conn, "risk")
        pause(conn, "late")
    world.tell(login("acme", "a", world.now))
    world.day(nps=50.0)
    assert sorted(states(world)) == [("acme", "held", "paused"), ("acme", "held", "paused")]
    world.day(nps=80.0)
    world.day(nps=50.0)
    with world.tx() as conn:
        resume(conn, "risk")
        resume(conn, "late")
    world.sweep()
    found = sorted((name, state) for _, name, state, _ in world.crossings())
    # The first fall recovered and lapsed; the second one and the event start.
    assert found == [("late", "started"), ("risk", "lapsed"), ("risk", "started")]


# --- expressions in conditions ---------------------------------------------------------------------------------------


def test_a_condition_may_count_events_and_ask_contacts(world):
    world.deploy(
        busy="triggers: [{ becomes: 'count(event.login, 3 days) >= 2' }]",
        reach="""triggers: [{ becomes: 'any(contact where roles contains "champion" and email is known)' }]""",
    )
    world.account("acme", name="Acme")
    world.sweep()
    world.tell(login("acme", "a", world.now), login("acme", "b", world.now))
    world.tell(ContactFact(account="acme", key="c", name="Ann Ex", email="ann@acme.test", roles=("champion",)))
    report = world.sweep()
    assert report.started == 2
    # By the passing of time alone the logins leave the window, and the trigger is armed again.
    world.pass_time(4 * DAY)
    world.sweep()
    world.end(1)
    world.tell(login("acme", "d", world.now), login("acme", "e", world.now))
    assert [one.playbook for one in dry_run(world.engine)] == ["busy"]


def test_a_count_over_a_dead_feed_is_unknown_and_not_nothing(world):
    world.workspace = workspace(EVENTS + "feeds: { login: { stale_after: 2 days } }\n")
    world.deploy(quiet="triggers: [{ becomes: 'count(event.login, 30 days) < 1' }]")
    world.account("acme", name="Acme")
    world.account("bee", name="Bee")
    world.sweep()
    assert world.day().crossings == 0
    assert world.rows("select distinct seen_0 from account_now") == [(0,)]
    # The feed lives again: acme has logged in, and bee is seen without a login for the first time.
    world.tell(login("acme", "a", world.now))
    world.sweep()
    assert world.rows("select a.key, tripped_0 from account_now join account a on a.id = account_id order by 1") == [
        ("acme", 0),
        ("bee", 1),
    ]


def test_a_trend_falls_and_is_unknown_with_a_single_point(world):
    world.deploy(slide="triggers: [{ becomes: 'trend(metric.nps, 10 days) < -2' }]")
    world.account("acme", name="Acme")
    column = '"trend(metric.nps, 10 days)"'
    trends = []
    for value in (80.0, 81.0, 80.0, 70.0, 60.0, 60.0):
        world.day(nps=value)
        trends += world.rows(f"select round(({column})::numeric, 2)::float from account_now")  # ours
    assert trends[0] == (None,)
    assert [round(one, 1) for (one,) in trends[1:3]] == [1.0, 0.0]
    assert world.crossings()[0][2] == "started"
    world.pass_time(20 * DAY)
    world.sweep()
    assert world.rows(f"select {column} from account_now") == [(None,)]  # ours


@pytest.mark.parametrize("at", ["2026-03-29T00:30:00+00:00", "2026-10-25T00:30:00+00:00"])
def test_the_day_a_clock_changes_has_one_schedule(world, at):
    with world.tx() as conn:
        clock.set_virtual(conn, datetime.fromisoformat(at) - DAY)
    world.deploy(check='triggers: [{ schedule: { cron: "30 2 * * sun" } }]')
    world.account("acme", name="Acme")
    world.sweep()
    found = 0
    for _ in range(8):
        world.pass_time(timedelta(hours=6))
        found += world.sweep().crossings
    assert found == 1
