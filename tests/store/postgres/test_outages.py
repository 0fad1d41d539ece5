"""What people are told of a database that takes no work."""

import psycopg
import pytest
import sqlalchemy as sa

from store.postgres.database import engine_for
from store.postgres.outages import why_away

_RAISE = "do $$ begin raise exception 'secret' using errcode = '{}'; end $$"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("53100", "its disk is full"),
        ("53200", "it has no memory left"),
        ("53300", "all its connections are taken"),
        ("25006", "it is read-only"),
        ("57014", "a time limit of its administrator ended this"),
        ("40P01", "others were changing the same"),
        ("57P01", None),
    ],
)
def test_what_postgresql_itself_says_is_told(database: str, state: str, said: str | None) -> None:
    engine = engine_for(database)
    with pytest.raises(sa.exc.OperationalError) as caught, engine.connect() as conn:
        conn.exec_driver_sql(_RAISE.format(state))
    assert why_away(caught.value) == said
    engine.dispose()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sorry, too many clients already", "all its connections are taken"),
        ('too many connections for role "tenure"', "all its connections are taken"),
        ("remaining connection slots are reserved for roles with SUPERUSER", "all its connections are taken"),
        ("the database system is starting up", "it is starting"),
        ("the database system is shutting down", "it is being stopped"),
        ("the database system is in recovery mode", "it is recovering"),
        ('password authentication failed for user "tenure"', None),
    ],
)
def test_why_a_server_lets_nobody_in_is_told(words: str, said: str | None) -> None:
    refused = psycopg.OperationalError(f'connection to server at "10.0.0.1", port 5432 failed: FATAL:  {words}')
    assert why_away(sa.exc.OperationalError(None, None, refused)) == said


def test_of_a_server_that_is_not_there_nothing_is_told() -> None:
    with pytest.raises(sa.exc.OperationalError) as caught:
        engine_for("postgresql://nobody@127.0.0.1:1/nothing").connect()
    assert why_away(caught.value) is None


def test_that_all_connections_of_our_own_are_taken_is_told() -> None:
    full = sa.exc.TimeoutError("QueuePool limit of size 5 overflow 10 reached")
    assert why_away(full) == "all of our own connections to it are taken"


def test_what_is_no_outage_is_not_told_of() -> None:
    assert why_away(ValueError("x")) is None
