from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from engine.stakes import stake_of
from store.inbox import stakes

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 10)

cases = st.fixed_dictionaries(
    {
        "due_at": st.none() | st.integers(-3_000_000, 3_000_000).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        "arr": st.none() | st.floats(allow_nan=False) | st.floats(0, 1e7),
        "renewal": st.none() | st.integers(-50, 500).map(lambda days: TODAY + timedelta(days=days)),
        "score": st.none() | st.floats(0, 100),
    }
)


@given(st.lists(cases, min_size=1, max_size=20))
def test_sql_and_python_reckon_the_same_points(scratch_engine, rows):
    columns: dict[str, Any] = {
        "due_at": sa.DateTime(timezone=True),
        "arr": sa.Double(),
        "renewal": sa.Date(),
        "score": sa.Double(),
    }
    table = sa.values(sa.column("n", sa.Integer), *(sa.column(*one) for one in columns.items()), name="rows").data(
        [(n, *(sa.cast(row[name], kind) for name, kind in columns.items())) for n, row in enumerate(rows)]
    )
    points = stakes.points(sa.literal(NOW), sa.literal(TODAY), **{name: table.c[name] for name in columns})
    with scratch_engine.connect() as conn:
        found = conn.execute(sa.select(points).select_from(table).order_by(table.c.n)).scalars().all()
    expected = [stake_of(NOW, TODAY, **row).points for row in rows]
    assert [round(float(one), 3) for one in found] == expected
