"""The trend of a history is the same in both back ends, down to the last bit."""

import math
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.health.trends import slope
from store.postgres.sql_functions import Slope

NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
WINDOW = timedelta(days=10)
VALUES = st.one_of(
    st.none(),
    st.floats(0, 100),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e99, -1e99, 1e100, 1e300, 5e-324, 1e-101, 0.1, 0.3, 60.0]),
)
AGES = st.one_of(st.integers(0, 12 * 86_400 * 10**6), st.sampled_from([0, 864_000_000_000, 863_999_999_999, 1]))


@pytest.fixture
def history(scratch):
    scratch.execute(sa.text("insert into account (key, learned_at) values ('acme', :now)"), {"now": NOW})
    return scratch, scratch.execute(sa.text("select id from account where key = 'acme'")).scalar_one()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=st.lists(st.tuples(AGES, VALUES), max_size=8), value=VALUES, is_new=st.booleans())
def test_python_and_sql_agree_on_any_history(history, points, value, is_new):
    conn, account = history
    dated = [(NOW - timedelta(microseconds=age), number) for age, number in points]
    conn.execute(sa.text("delete from value_history"))
    for at, number in dated:
        row = {"a": account, "at": at, "value": number}
        conn.execute(
            sa.text("insert into value_history (account_id, field, at, value) values (:a, 'f', :at, :value)"), row
        )
    one = sa.literal(value, sa.Float)
    start = sa.literal(NOW - WINDOW, sa.DateTime(timezone=True))
    now = sa.literal(NOW, sa.DateTime(timezone=True))
    query = Slope(sa.literal(account), sa.literal("f", sa.Text), start, now, one, sa.literal(is_new))
    found = conn.execute(sa.select(query)).scalar()
    new = [(NOW, value)] if is_new else []
    assert found == slope([*((at, number) for at, number in dated if at > NOW - WINDOW), *new])


@pytest.mark.parametrize(
    ("values", "trend"),
    [
        ([], None),
        ([(0, 50.0)], None),
        ([(0, 50.0), (0, 80.0)], None),  # all at one instant
        ([(0, None), (1, 50.0)], None),
        ([(0, 50.0), (1, 50.0)], 0.0),
        ([(0, 80.0), (10, 60.0)], -2.0),  # per day
        ([(0, 1.0), (1, 2.0), (2, 3.0)], 1.0),
        ([(0, 1.0), (1, 9.0), (2, 1.0)], 0.0),
        ([(0, 10.0), (0.5, 20.0)], 20.0),
    ],
)
def test_the_trend_is_the_change_per_day(values, trend):
    found = slope([(NOW + timedelta(days=day), value) for day, value in values])
    assert found == trend if trend is None else math.isclose(found or 0.0, trend, abs_tol=1e-12)
