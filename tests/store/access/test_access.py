"""Passwords, locks, sessions, links, keys and the audit log, in a real database."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from store.access import audit, keys, links, logins, sessions, sign_in_rate
from store.access.audit import Actor
from store.access.kept_forms import KeptForm, keep_form, kept
from store.access.logins import NotSignedIn, Unfit
from store.schema import api_key, login, one_time_link, session
from tests.databases import engine_of

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
PASSWORD = "four plain words here"


@pytest.fixture
def engine(database, cheap_passwords):
    engine = engine_of(database)
    with engine.begin() as conn:
        logins.add_login(conn, key="kim", role="csm", now=NOW, email="kim@tenure.test")
        logins.add_login(conn, key="ada", role="admin", now=NOW, email="ada@tenure.test")
        logins.set_password(conn, "kim", PASSWORD)
    return engine


@pytest.fixture
def conn(engine):
    with engine.begin() as conn:
        yield conn


def viewer(conn, secret, now=NOW):
    found = sessions.viewer_of(conn, secret, now)
    assert found is not None
    return found


def caller(conn, key):
    found = keys.caller_of(conn, key, NOW)
    assert found is not None
    return found


def attempt(engine, name="kim", password=PASSWORD, now=NOW):
    return logins.check_password(engine.begin, name, password, now)


@pytest.mark.parametrize("name", ["kim", "kim@tenure.test", " KIM@Tenure.test "])
def test_the_right_password_opens_by_key_and_by_address(engine, name):
    assert attempt(engine, name).person == "kim"


@pytest.mark.parametrize(("name", "password"), [("kim", "wrong"), ("nobody", PASSWORD), ("ada", PASSWORD), ("", "")])
def test_anything_else_opens_nothing(engine, name, password):
    assert isinstance(attempt(engine, name, password), NotSignedIn)


def test_unknown_names_cost_a_hash_too(engine, monkeypatch):
    verified = []
    real = PasswordHasher.verify

    def verify(self, stored, typed):
        verified.append(stored)
        return real(self, stored, typed)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for name in ("kim", "nobody", "ada"):
        attempt(engine, name, "wrong")
    assert len(verified) == 3


def test_wrong_passwords_lock_for_times_that_double_and_end(engine):
    waits, now = [], NOW
    for _ in range(logins.FREE_FAILURES + 3):
        answer = attempt(engine, password="wrong", now=now)
        if answer.until:
            waits.append((answer.until - now).total_seconds())
            assert isinstance(attempt(engine, now=answer.until - timedelta(seconds=1)), NotSignedIn)
            now = answer.until
    assert waits == [30, 60, 120, 240]
    assert attempt(engine, now=now).person == "kim"
    assert attempt(engine, password="wrong", now=now).until is None


def test_a_lock_never_lasts_longer_than_an_hour(engine):
    with engine.begin() as conn:
        conn.execute(sa.update(login).values(failures=500))
    assert attempt(engine, password="wrong").until == NOW + timedelta(hours=1)


def test_whoever_guesses_pays_with_memory_and_time():
    hasher = logins._hasher()
    assert hasher.memory_cost >= 19 * 1024  # KiB; with two rounds the least that OWASP advises
    assert hasher.time_cost >= 2


def test_a_hash_of_other_parameters_is_made_anew_at_the_next_sign_in(engine):
    other = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    with engine.begin() as conn:
        conn.execute(sa.update(login).where(login.c.person == "kim").values(password_hash=other))
    assert attempt(engine).person == "kim"
    with engine.connect() as conn:
        stored = conn.execute(sa.select(login.c.password_hash).where(login.c.person == "kim")).scalar_one()
    assert stored != other
    assert attempt(engine).person == "kim"


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1001])
def test_a_password_too_short_or_too_long_is_refused(conn, password):
    with pytest.raises(Unfit, match="characters"):
        logins.set_password(conn, "kim", password)


def test_any_twelve_characters_will_do(conn):
    logins.set_password(conn, "kim", "пароль🙂🙂🙂🙂🙂🙂")


def test_a_disabled_person_does_not_get_in_and_is_out(engine):
    with engine.begin() as conn:
        secret = sessions.open_session(conn, "kim", "password", NOW)
        assert logins.disable(conn, "kim", NOW)
        assert sessions.viewer_of(conn, secret, NOW) is None
    assert isinstance(attempt(engine), NotSignedIn)


def test_one_address_belongs_to_one_person(conn):
    with pytest.raises(Unfit, match="another person"):
        logins.add_login(conn, key="lee", role="csm", now=NOW, email="KIM@tenure.test")


# --- sessions ---


def test_a_session_is_known_by_its_hash_alone(conn):
    secret = sessions.open_session(conn, "kim", "password", NOW)
    assert secret not in str(conn.execute(sa.select(session)).one())
    assert viewer(conn, secret).person == "kim"
    assert sessions.viewer_of(conn, secret + "x", NOW) is None


@pytest.mark.parametrize(
    ("steps", "alive"),
    [
        ([sessions.IDLE - timedelta(seconds=1)], True),
        ([sessions.IDLE], False),
        ([timedelta(hours=11)] * 15, True),
        ([timedelta(hours=11)] * 16, False),
    ],
)
def test_a_session_ends_by_idleness_and_by_age(conn, steps, alive):
    secret, now = sessions.open_session(conn, "kim", "password", NOW), NOW
    seen = None
    for step in steps:
        now += step
        seen = sessions.viewer_of(conn, secret, now)
    assert (seen is not None) == alive


def test_a_person_ends_own_sessions_and_nobody_elses(conn):
    mine = sessions.open_session(conn, "kim", "password", NOW)
    other = sessions.open_session(conn, "ada", "password", NOW)
    number = viewer(conn, other).session_id
    assert not sessions.end_session(conn, number, "kim", NOW)
    assert sessions.viewer_of(conn, other, NOW)
    assert sessions.end_session(conn, viewer(conn, mine).session_id, "kim", NOW)
    assert sessions.viewer_of(conn, mine, NOW) is None
    assert sessions.person_of(conn, mine) == "kim"


def test_forms_of_two_sessions_bear_different_tokens(conn):
    tokens = {viewer(conn, sessions.open_session(conn, "kim", "x", NOW)).csrf for _ in range(3)}
    assert len(tokens) == 3


# --- links ---


def test_a_link_works_once_and_looking_at_it_uses_nothing_up(conn):
    secret = links.make_link(conn, "password", "kim", NOW)
    assert secret not in str(conn.execute(sa.select(one_time_link)).one())
    assert links.find_link(conn, secret, NOW) == links.Link(purpose="password", person="kim")
    assert links.find_link(conn, secret, NOW)
    assert links.use_link(conn, secret, NOW)
    assert not links.use_link(conn, secret, NOW)
    assert links.find_link(conn, secret, NOW) is None


def test_a_new_link_makes_the_one_before_void_and_old_ones_expire(conn):
    first, second = (links.make_link(conn, "password", "kim", NOW) for _ in range(2))
    assert links.find_link(conn, first, NOW) is None
    assert links.find_link(conn, second, NOW + links.LIFETIME) is None


# --- keys ---


def test_a_key_is_known_by_its_hash_alone_and_says_when_it_was_used(conn):
    row, key = keys.make_key(conn, "export", ["facts:write"], "ada", NOW)
    assert key not in str(conn.execute(sa.select(api_key)).one())
    assert caller(conn, key).may("facts:write")
    assert not caller(conn, key).may("read")
    assert keys.list_keys(conn)[0].used_at == NOW
    assert keys.caller_of(conn, key + "x", NOW) is None
    assert key.startswith(row.begins)


def test_expired_and_revoked_keys_open_nothing(conn):
    expiring, key = keys.make_key(conn, "a", ["read"], "ada", NOW, expires_at=NOW + timedelta(days=1))
    assert keys.caller_of(conn, key, NOW)
    assert keys.caller_of(conn, key, NOW + timedelta(days=1)) is None
    assert keys.revoke_key(conn, expiring.id, NOW)
    assert keys.caller_of(conn, key, NOW) is None
    assert keys.revoke_key(conn, expiring.id, NOW) is None


def test_an_admins_key_may_everything(conn):
    _, key = keys.make_key(conn, "a", ["admin"], "ada", NOW)
    assert all(caller(conn, key).may(scope) for scope in keys.KEY_SCOPES)


# --- the audit log ---


@pytest.mark.parametrize("statement", ["update audit set who = 'x'", "delete from audit", "truncate audit"])
def test_the_audit_log_takes_rows_and_loses_none(engine, statement):
    with engine.begin() as conn:
        audit.record(conn, Actor(who="ada", address="198.51.100.7"), "key_made", NOW, what="key 1", name="x")
    with pytest.raises(sa.exc.ProgrammingError, match="append-only"), engine.begin() as conn:
        conn.execute(sa.text(statement))
    with engine.connect() as conn:
        [row] = audit.list_audit(conn).items
        assert (row.who, row.did, row.what, row.detail) == ("ada", "key_made", "key 1", {"name": "x"})
        assert list(audit.all_audit(conn)) == [row]


def test_the_audit_log_is_read_by_person_and_by_deed_in_pages(conn):
    for n in range(5):
        audit.record(conn, Actor(who="ada" if n % 2 else "kim"), "signed_in" if n < 3 else "signed_out", NOW)
    first = audit.list_audit(conn, limit=3)
    rest = audit.list_audit(conn, limit=3, after=first.next or "")
    assert [row.id for row in (*first.items, *rest.items)] == sorted((1, 2, 3, 4, 5), reverse=True)
    assert {row.who for row in audit.list_audit(conn, who="kim").items} == {"kim"}
    assert len(audit.list_audit(conn, who="kim", did="signed_in").items) == 2


# --- tries by address ---


def test_an_address_has_so_many_tries_and_gets_them_back(conn):
    tried = [sign_in_rate.may_try(conn, "198.51.100.7", NOW) for _ in range(sign_in_rate.BURST + 5)]
    assert tried == [True] * sign_in_rate.BURST + [False] * 5
    assert sign_in_rate.may_try(conn, "198.51.100.8", NOW)
    assert not sign_in_rate.may_try(conn, "198.51.100.7", NOW + timedelta(seconds=2))
    assert sign_in_rate.may_try(conn, "198.51.100.7", NOW + timedelta(seconds=10))


# --- kept forms ---


def test_a_kept_form_is_its_writers_alone_for_an_hour(conn):
    form = KeptForm(path="/tasks/1/complete", page="/tasks", fields=(("note", "long\ntext"), ("note", "twice")))
    secret = keep_form(conn, "kim", form, NOW)
    assert kept(conn, secret, "kim", NOW) == form
    assert kept(conn, secret, "ada", NOW) is None
    assert kept(conn, secret, "kim", NOW + timedelta(hours=1)) is None
