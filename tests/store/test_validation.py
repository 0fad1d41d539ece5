"""Validation sees scores as they were known then, outcomes as they came to be, and leaves no trace in the database."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact, RecordFact
from engine.validation import outcome_of
from engine.values import Condition
from store import clock
from store.current.past import looking_back
from store.current.sight import Sight
from store.intake import take_in, take_in_dated
from store.validation import validate
from tests.databases import make_database
from tests.store.world import World, workspace

DAY = timedelta(days=1)
FIRST = datetime(2025, 1, 1, tzinfo=UTC)

TENURE = """
name: Test
zone: UTC
records: { subscription: { seats: number } }
events: { usage: { n: number } }
feeds: { usage: { stale_after: 20 days } }
metrics:
  nps: number
  uses: "sum(event.usage.n, 10 days)"
  open: "count(subscription where active)"
  team: "count(contact)"
"""
HEALTH = """
scorecard: health
applies_to: account.lifecycle != "prospect"
components:
  - { id: nps, metric: nps, scale: { 0: 0, 10: 100 }, weight: 2, stale_after: 40 days }
  - { id: uses, metric: uses, scale: { 0: 0, 20: 100 }, weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""
SLOPING = HEALTH.replace(
    "bands:",
    '  - { id: slope, expr: "trend(metric.nps, 30 days)", scale: { -1: 0, 1: 100 }, weight: 1 }\n'
    '  - { id: fall, expr: "highest(metric.nps, 20 days) - metric.nps", scale: { 0: 100, 5: 0 }, weight: 1 }\n'
    "  - { id: team, metric: team, scale: { 0: 0, 2: 100 }, weight: 1 }\n"
    "bands:",
)


def made(card=HEALTH, text=TENURE):
    return workspace(text, health=card)


@pytest.fixture
def world(database):
    return World(database, start=FIRST)


def on(day):
    return FIRST + day * DAY


def lived(world, facts, days, every=1):
    """Days pass; facts (by the day they become known) are taken in and swept."""
    for day in range(0, days + 1, every):
        with world.tx() as conn:
            clock.set_virtual(conn, on(day))
            for known in range(day - every + 1, day + 1):
                take_in(conn, facts.get(known, []), known_at=on(known))
        world.sweep()


def told(world, facts, days):
    """The same known at once, as an import does: dated, and never swept."""
    with world.tx() as conn:
        clock.set_virtual(conn, on(days))
        take_in_dated(conn, [(fact, on(day)) for day, several in sorted(facts.items()) for fact in several])


def asked(world, **how):
    with world.engine.connect() as conn:
        return validate(conn, clock.now(conn), **how)


def a_life(days=100, accounts=12, seed=3):
    """By day: signups, moods told late and corrected, uses, contacts, contracts, and some who leave."""
    dice = random.Random(seed)
    facts: dict[int, list[IncomingFact]] = {}

    def say(day, fact):
        facts.setdefault(day, []).append(fact)

    for n in range(accounts):
        key, start = f"a{n}", dice.randrange(0, 30)
        stage = dice.choice(["live", "live", "prospect"])
        say(start, AccountFact(key=key, fields={"account.lifecycle": stage}, at=on(start)))
        say(start + 5, ContactFact(account=key, key=f"{key}/1", name="Ada", at=on(start + 5)))
        say(start, RecordFact(record="subscription", key=key, account=key, starts_at=on(start), at=on(start)))
        for day in range(start, days, 4):
            late = dice.choice([0, 0, 0, 3, 9])
            if dice.random() < 0.5:
                mood = MetricFact(account=key, metric="nps", value=dice.randrange(11), at=on(day))
                say(min(days, day + late), mood)
            else:
                use = EventFact(type="usage", account=key, at=on(day), props={"n": dice.randrange(9)})
                say(min(days, day + late), use)
        if dice.random() < 0.5:
            day = dice.randrange(start + 10, days + 20)
            say(day, AccountFact(key=key, fields={"account.lifecycle": "churned"}, at=on(day)))
    return {day: several for day, several in facts.items() if day <= days}


@pytest.mark.parametrize("card", [HEALTH, SLOPING], ids=["plain", "looks back"])
def test_recomputed_scores_are_those_that_sweeps_recorded(world, card):
    world.deploy(made(card))
    lived(world, a_life(days=60), days=60)
    found = asked(world, first=date(2025, 1, 11), horizon_days=6)
    assert len(found.judgement.instants) > 20
    assert found.judgement.whole.churned > 0
    assert found.compared > 80
    assert found.same == found.compared
    assert "differs_from_recorded" not in [one.code for one in found.cautions]


def test_it_makes_no_difference_whether_days_were_lived_or_only_told(world, postgres_url, migrated_template):
    world.deploy(made())
    told(world, a_life(days=50), days=50)
    imported = asked(world, first=date(2025, 1, 11), horizon_days=12)
    assert imported.compared == 0
    lived_world = World(make_database(postgres_url, "lived", migrated_template), start=FIRST)
    lived_world.deploy(made())
    lived(lived_world, a_life(days=50), days=50, every=5)
    assert asked(lived_world, first=date(2025, 1, 11), horizon_days=12).judgement == imported.judgement


def test_another_card_than_the_recorded_one_is_noticed(world):
    world.deploy(made())
    lived(world, a_life(), days=60, every=5)
    world.deploy(made(HEALTH.replace("10: 100", "8: 100")))
    found = asked(world, first=date(2025, 1, 31), horizon_days=12)
    assert 0 < found.same < found.compared
    assert "differs_from_recorded" in [one.code for one in found.cautions]
    assert "card_younger_than_samples" in [one.code for one in found.cautions]


def test_what_was_learned_later_does_not_change_a_score(world):
    world.deploy(made())
    facts = {
        0: [AccountFact(key=key, fields={"account.lifecycle": "live"}, at=on(0)) for key in ("a", "b")],
        1: [MetricFact(account=key, metric="nps", value=9, at=on(1)) for key in ("a", "b")],
        # Only on day 20 anybody learns that a was unhappy since day 2, and gone since day 15.
        20: [
            MetricFact(account="a", metric="nps", value=0, at=on(2)),
            AccountFact(key="a", fields={"account.lifecycle": "churned"}, at=on(15)),
        ],
    }
    told(world, facts, days=40)
    early = asked(world, first=on(10).date(), last=on(10).date(), horizon_days=12).judgement
    assert [(one.name, one.rate.samples, one.rate.churned) for one in early.bands] == [
        ("red", 0, 0),
        ("yellow", 0, 0),
        ("green", 2, 1),
    ]
    # On day 17 it had left, though nobody knew: no sample, for it cannot leave again.
    unseen = asked(world, first=on(17).date(), last=on(17).date(), horizon_days=12)
    assert (unseen.judgement.whole.samples, unseen.gone_unseen) == (1, 1)
    # On day 22 that was known.
    known = asked(world, first=on(22).date(), last=on(22).date(), horizon_days=12)
    assert (known.judgement.whole.samples, known.gone_unseen) == (1, 0)


def test_who_leaves_on_the_last_day_of_the_horizon_counts_and_a_day_later_does_not(world):
    world.deploy(made())
    facts = {
        0: [AccountFact(key=key, fields={"account.lifecycle": "live"}, at=on(0)) for key in ("a", "b")],
        **{
            day: [AccountFact(key=key, fields={"account.lifecycle": "churned"}, at=on(day))]
            for key, day in (("a", 15), ("b", 16))
        },
    }
    told(world, facts, days=40)
    found = asked(world, first=on(5).date(), last=on(5).date(), horizon_days=10).judgement
    assert (found.whole.samples, found.whole.churned, found.coverage) == (2, 1, 0)


def test_a_life_cycle_that_is_worked_out_tells_who_left_and_who_came_back(world):
    derived = "fields:\n  account.lifecycle: { from: { churned: metric.open == 0, live: metric.open > 0 } }\n"
    world.deploy(made(text=TENURE + derived))
    facts = {
        0: [
            fact
            for key in ("a", "b", "c")
            for fact in (
                AccountFact(key=key, at=on(0)),
                RecordFact(record="subscription", key=key, account=key, starts_at=on(0), at=on(0)),
            )
        ],
        12: [RecordFact(record="subscription", key="a", account="a", starts_at=on(0), ends_at=on(12), at=on(12))],
        14: [RecordFact(record="subscription", key="a2", account="a", starts_at=on(14), at=on(14))],
        30: [RecordFact(record="subscription", key="b", account="b", starts_at=on(0), ends_at=on(30), at=on(30))],
    }
    told(world, facts, days=60)
    found = [
        asked(world, first=on(day).date(), last=on(day).date(), horizon_days=10).judgement.whole
        for day in (5, 13, 25, 35)
    ]
    assert [(one.samples, one.churned) for one in found] == [(3, 1), (2, 0), (3, 1), (2, 0)]


def test_any_condition_may_be_the_outcome(world):
    world.deploy(made())
    facts = {
        0: [AccountFact(key=key, fields={"account.lifecycle": "live"}, at=on(0)) for key in ("a", "b", "c")],
        12: [EventFact(type="usage", account="a", at=on(12), props={"n": 3})],
        13: [MetricFact(account="b", metric="nps", value=1, at=on(13))],
    }
    told(world, facts, days=40)

    def left(churned):
        whole = asked(world, first=on(5).date(), last=on(5).date(), horizon_days=10, churned=churned).judgement.whole
        return whole.samples, whole.churned

    assert left("count(event.usage, 1 day) > 0") == (3, 1)
    assert left("metric.nps < 5") == (3, 1)
    assert left("metric.nps < 5 or metric.uses > 2") == (3, 2)


def test_a_book_whose_separation_is_known_is_judged_to_have_it(world):
    """Who will leave has a score drawn from one range, who stays from another: the area is that of the draws."""
    world.deploy(made())
    dice = random.Random(11)
    moods = {f"a{n}": (dice.uniform(1, 7) if n % 4 == 0 else dice.uniform(3, 10)) for n in range(160)}
    gone = {key: 40 + n % 30 for n, key in enumerate(moods) if n % 4 == 0}
    facts: dict[int, list[IncomingFact]] = {0: [], 9: []}
    for key, mood in moods.items():
        facts[0].append(AccountFact(key=key, fields={"account.lifecycle": "live"}, at=on(0)))
        facts[9].append(MetricFact(account=key, metric="nps", value=mood, at=on(9)))
    for key, day in gone.items():
        facts.setdefault(day, []).append(AccountFact(key=key, fields={"account.lifecycle": "churned"}, at=on(day)))
    told(world, facts, days=100)
    found = asked(world, first=on(10).date(), last=on(10).date(), horizon_days=85)
    # Only the mood is known: the score is ten times it, rounded.
    scores = {key: int(mood * 100 + 0.5) / 10 for key, mood in moods.items()}
    pairs = [(scores[a] < scores[b]) + (scores[a] == scores[b]) / 2 for a in gone for b in moods if b not in gone]
    area = found.judgement.auc
    assert area is not None
    assert area.value == pytest.approx(sum(pairs) / len(pairs))
    assert area.low < 0.84 < area.high  # by the two ranges: 1 - (16 / 2) / 42, a little over 0.8
    nps, uses = found.judgement.components
    assert (nps.known, uses.known, uses.auc) == (1, 0, None)
    assert nps.drop is None  # without it there is no score
    rates = [one.rate.value for one in found.judgement.bands]
    assert rates == sorted(rates, reverse=True)


def test_nothing_of_the_database_is_changed_and_the_connection_is_as_it_was(world):
    world.deploy(made(SLOPING))
    lived(world, a_life(days=40), days=40, every=10)
    before = _everything(world)
    with world.engine.connect() as conn:
        for _ in range(2):
            validate(conn, clock.now(conn), first=date(2025, 1, 30), horizon_days=5)
        assert conn.execute(sa.text("select count(*) from pg_class where relpersistence = 't'")).scalar() == 0
        # The statements that the connection keeps mean the tables again.
        assert conn.execute(sa.text("select count(*) from event")).scalar_one() > 20
        conn.commit()
    assert _everything(world) == before
    world.pass_time()
    assert world.sweep().at == on(41)


def _everything(world):
    tables = [name for (name,) in world.rows("select tablename from pg_tables where schemaname = 'public'")]
    return {name: sorted(map(str, world.rows(f"select t::text from {name} as t"))) for name in tables}


def test_a_connection_that_has_scored_before_looks_at_the_past_all_the_same(world):
    """Statements it has prepared by then must not mean the tables of today."""
    world.deploy(made())
    told(world, a_life(days=40), days=40)
    world.sweep()
    fresh = asked(world, first=date(2025, 1, 30), horizon_days=5)
    with world.engine.connect() as conn:
        # With temporary objects of its own already, the connection has no other reason to plan anew.
        conn.execute(sa.text("create temp table something (of_its int)"))
        conn.commit()
        condition = Condition.of(outcome_of(world.workspace).condition.expression)
        for _ in range(12):
            conn.execute(sa.text("select count(*) from event where learned_at is not null")).scalar()
            conn.execute(sa.select(Sight(conn, world.workspace, on(40)).truth(condition))).all()
        used = validate(conn, clock.now(conn), first=date(2025, 1, 30), horizon_days=5)
        assert used.judgement == fresh.judgement
        with looking_back(conn) as past:
            past.know(on(25))
            counted = conn.execute(sa.text("select count(*) from event where learned_at is not null")).scalar_one()
        assert (
            0 < counted < conn.execute(sa.text("select count(*) from event where learned_at is not null")).scalar_one()
        )


def test_an_error_inside_leaves_nothing_behind(world):
    world.deploy(made())
    with world.engine.connect() as conn:
        with pytest.raises(sa.exc.ProgrammingError), looking_back(conn):
            conn.execute(sa.text("select no_such_column from event"))
        assert conn.execute(sa.text("select count(*) from event")).scalar() == 0


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"card": "welath"}, 'no scorecard "welath"'),
        ({"horizon_days": 90, "first": date(2025, 2, 1)}, "90 days after 2025-02-01 are not over yet"),
        ({"horizon_days": 9, "first": date(2025, 1, 9), "last": date(2025, 1, 5)}, "ends before it begins"),
        ({"horizon_days": 90}, "90 days after 2025-01-0. are not over yet: the latest day to look at is 2024-10-23"),
        ({"horizon_days": 9, "last": date(2024, 12, 5)}, "no account was known before 2025-01-0"),
    ],
)
def test_what_cannot_be_validated_is_said(world, how, says):
    world.deploy(made())
    lived(world, a_life(days=20), days=20, every=10)
    with pytest.raises(ValueError, match=says):
        asked(world, **how)


def test_one_of_several_cards_is_named(world):
    world.deploy(workspace(TENURE, health=HEALTH, fit=HEALTH.replace("scorecard: health", "scorecard: fit")))
    told(world, a_life(days=40), days=40)
    with pytest.raises(ValueError, match="name one of fit, health"):
        asked(world, first=on(30).date(), horizon_days=5)
    assert asked(world, card="fit", first=on(30).date(), horizon_days=5).card == "fit"


def test_a_period_that_is_not_over_is_cut_and_says_so(world):
    world.deploy(made())
    told(world, a_life(days=40), days=40)
    found = asked(world, first=on(30).date(), last=on(38).date(), horizon_days=5)
    assert (found.last, [one.code for one in found.cautions if one.code == "period_cut"]) == (
        on(35).date(),
        ["period_cut"],
    )


def test_a_card_that_looks_back_further_than_anything_was_recorded_says_so(world):
    world.deploy(made(SLOPING))
    told(world, a_life(days=40), days=40)
    found = [one.code for one in asked(world, first=on(30).date(), horizon_days=5).cautions]
    assert {"past_not_recorded", "contacts_have_no_past"} <= set(found)
