"""Processes that differ in a setting that all must have alike."""

from store.alike import tell_settings
from store.schema import told_setting
from tests.databases import engine_of

SIGNING, URL = "TENURE_SIGNING_KEY", "TENURE_PUBLIC_URL"
A, B = "a" * 32, "b" * 32


def told(database, key, url="https://cs.example"):
    with engine_of(database).begin() as conn:
        return tell_settings(conn, {SIGNING: key, URL: url})


def test_processes_that_are_alike_hear_nothing(database):
    assert told(database, A) == []
    assert told(database, A) == []


def test_who_has_another_value_hears_which(database):
    assert told(database, A) == []
    assert told(database, None) == [SIGNING]
    assert told(database, B, url=None) == [SIGNING, URL]


def test_a_secret_is_not_kept(database):
    told(database, A)
    with engine_of(database).connect() as conn:
        kept = conn.execute(told_setting.select()).all()
    assert A not in str(kept)
