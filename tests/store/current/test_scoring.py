"""The SQL back end of scorecards gives the very doubles of the Python one, missing values included."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts import AccountFact, EventFact, MetricFact
from engine.workspace import load_workspace
from store import schema
from store.current.columns import ensure_columns
from store.current.contributions import contributions_of
from store.current.projection import project
from store.current.scoring import current_scores
from store.intake import take_in

NOW = datetime(2024, 5, 31, tzinfo=UTC)
METRICS = ("a", "b", "c")
TENURE = b"""
name: W
fields: { account.plan: text, account.vip: bool }
events: { ping: }
metrics: { a: number, b: number, c: number, pings: "count(event.ping, 30 days)" }
"""

corner = st.integers(-50, 50).map(lambda tenth: tenth / 10)
points = st.integers(0, 1000).map(lambda tenth: tenth / 10)
weight = st.sampled_from([0.1, 0.3, 1, 2.5, 7, 30])
missing = st.one_of(st.sampled_from(["exclude", "unknown"]), points)


@st.composite
def components(draw):
    scales = st.dictionaries(corner, points, min_size=2, max_size=5)
    found = []
    for n in range(draw(st.integers(1, 4))):
        common = f"weight: {draw(weight)}, missing: {draw(missing)}"
        if draw(st.booleans()):
            metric = draw(st.sampled_from(METRICS))
            scale = ", ".join(f'"{x}": {y}' for x, y in draw(scales).items())
            found.append(f"{{ id: x{n}, metric: {metric}, scale: {{ {scale} }}, {common} }}")
        elif draw(st.booleans()):
            metric = draw(st.sampled_from(METRICS))
            cut = draw(corner)
            bands = f'"-9..<{cut}": {draw(points)}, "{cut}..9": {draw(points)}'
            found.append(f"{{ id: x{n}, metric: {metric}, bands: {{ {bands} }}, {common} }}")
        else:
            found.append(f'{{ id: x{n}, expr: "account.vip or metric.a > {draw(corner)}", {common} }}')
    return "components:\n" + "".join(f"  - {one}\n" for one in found)


@st.composite
def workspaces(draw):
    files = {"tenure.yaml": TENURE}
    for name, applies_to in (("1", 'applies_to: account.plan == "pro"\n'), ("2", "")):
        share = draw(st.sampled_from([0, 10, 50, 90, 100]))
        bands = "bands: { red: 0..<40, yellow: 40..<70.5, green: 70.5..100 }\n"
        text = f"scorecard: health\n{applies_to}{draw(components())}{bands}minimum_known: {share}%\n"
        files[f"scorecards/{name}.yaml"] = text.encode()
    return load_workspace(files)


values = st.one_of(st.none(), corner, st.floats(-10, 10))
accounts = st.lists(
    st.fixed_dictionaries(
        {
            "plan": st.sampled_from(["pro", "basic", None]),
            "vip": st.sampled_from([True, False, None]),
            "metrics": st.fixed_dictionaries(dict.fromkeys(METRICS, values)),
        }
    ),
    min_size=1,
    max_size=12,
)


def tell(conn, described):
    for n, one in enumerate(described):
        key = f"k{n}"
        told = AccountFact(key=key, fields={"account.plan": one["plan"], "account.vip": one["vip"]})
        numbers = [MetricFact(account=key, metric=name, value=value) for name, value in one["metrics"].items()]
        take_in(conn, [told, *numbers], known_at=NOW)


def project_all(conn, workspace, now=NOW):
    ensure_columns(conn, workspace)
    conn.execute(sa.text("insert into work select id from account"))
    project(conn, workspace, now)
    conn.execute(sa.text("delete from work"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(workspace=workspaces(), described=accounts)
def test_python_and_sql_give_the_same_score(scratch, workspace, described):
    whole = scratch.begin_nested()
    tell(scratch, described)
    project_all(scratch, workspace)
    stored = scratch.execute(
        sa.text('select account_id, "health.score" as value, "health.band" as band from account_now')
    )
    for row in stored.all():
        found = current_scores(scratch, workspace, row.account_id, NOW)["health"]
        assert found is not None
        assert (found[1].value, found[1].band) == (row.value, row.band)
        history = scratch.execute(
            sa.select(schema.score, contributions_of().label("contributions")).where(
                schema.score.c.account_id == row.account_id
            )
        ).one_or_none()
        assert (history is None) == (row.value is None)
        if history is not None:
            assert history.known_weight == found[1].known_weight
            assert [(one["points"], one["state"]) for one in history.contributions] == [
                (one.points, one.state) for one in found[1].contributions
            ]
    whole.rollback()


def card(body):
    text = f"scorecard: health\n{body}bands: {{ red: 0..<40, green: 40..100 }}\n"
    return load_workspace({"tenure.yaml": TENURE, "scorecards/health.yaml": text.encode()})


def stored_score(conn):
    return conn.execute(sa.text('select "health.score", "health.band" from account_now')).one()


def test_a_pushed_metric_grows_stale(scratch):
    workspace = card(
        'components: [{ id: a, metric: a, scale: { "0": 0, "5": 100 }, weight: 1, stale_after: 3 days }]\n'
    )
    take_in(scratch, [AccountFact(key="k"), MetricFact(account="k", metric="a", value=5, at=NOW)], known_at=NOW)
    found = []
    for age in (timedelta(days=3) - timedelta(seconds=1), timedelta(days=3)):
        project_all(scratch, workspace, NOW + age)
        python = current_scores(scratch, workspace, _only_account(scratch), NOW + age)["health"]
        assert python is not None
        found.append((stored_score(scratch)[0], python[1].contributions[0].state))
    assert found == [(100, "known"), (None, "stale")]


def test_a_component_over_events_grows_stale_with_their_feed(scratch):
    workspace = card(
        "components:\n"
        '  - { id: p, metric: pings, scale: { "0": 0, "2": 100 }, weight: 1, stale_after: 2 days, missing: 10 }\n'
    )
    take_in(scratch, [AccountFact(key="k"), EventFact(type="ping", account="k", at=NOW)], known_at=NOW)
    found = []
    for days in (1, 2):
        project_all(scratch, workspace, NOW + timedelta(days=days))
        found.append(stored_score(scratch)[0])
    # Nothing is known any more, and an imputed value is no knowledge.
    assert found == [50, None]


def test_an_account_no_card_applies_to_has_no_score(scratch):
    workspace = card('applies_to: account.plan == "pro"\ncomponents: [{ id: v, expr: account.vip, weight: 1 }]\n')
    take_in(scratch, [AccountFact(key="k", fields={"account.plan": "basic", "account.vip": True})], known_at=NOW)
    project_all(scratch, workspace)
    assert stored_score(scratch) == (None, None)
    assert current_scores(scratch, workspace, _only_account(scratch), NOW) == {"health": None}


@pytest.mark.parametrize("account_id", [0, 2**40])
def test_an_unknown_account_has_no_scores(scratch, account_id):
    workspace = card("components: [{ id: v, expr: account.vip, weight: 1 }]\n")
    ensure_columns(scratch, workspace)
    assert current_scores(scratch, workspace, account_id, NOW) == {"health": None}


def _only_account(conn):
    return conn.execute(sa.select(schema.account.c.id)).scalar_one()
