"""Numbers of JSON, on the short way through decimals: the same to the last digit as by way of the double."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from engine.expressions.values import from_json, in_decimals
from store.postgres.sql_functions import addend, inside, to_double


@pytest.fixture(scope="module")
def connection(postgres_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(postgres_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
    engine.dispose()


_DIGITS = st.integers(-(10**20), 10**20)
_WRITTEN = st.one_of(
    st.builds(lambda digits, places: f"{Decimal(digits).scaleb(-places):f}", _DIGITS, st.integers(0, 20)),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@given(st.lists(_WRITTEN, min_size=1, max_size=10))
@example(["999999999.999999", "999999999.9999994", "1000000000.000001", "-999999999.999999", "1000000000"])
@example(["0.1", "0.10000000000000001", "0.1234567890123456789", "1e-7", "1.5e99", "1e100", "-1e100", "1e300", "-0.0"])
def test_a_number_of_json_is_added_as_its_double_would_be(connection: sa.Connection, written: list[str]) -> None:
    n = sa.cast(sa.func.unnest(sa.cast(written, sa.ARRAY(sa.Text))), sa.Numeric).label("n")
    numbers = sa.select(n).offset(0).subquery()
    added = connection.scalars(sa.select(addend(numbers.c.n))).all()
    doubles = [from_json(float(one)) for one in written]
    assert [None if one is None else in_decimals(one) for one in doubles] == added
    # The greatest and least are the same before and after.
    extremes = sa.select(*(to_double(find(inside(numbers.c.n))) for find in (sa.func.min, sa.func.max)))
    known = [one for one in doubles if one is not None]
    assert connection.execute(extremes).one() == (min(known, default=None), max(known, default=None))
