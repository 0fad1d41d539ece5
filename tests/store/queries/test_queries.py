from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from store import schema
from store.postgres.pages import CursorError, id_after, moment_and_id_after
from store.queries.accounts import list_accounts
from store.queries.mails import get_mail, list_mails
from store.queries.names import people, workspace_name_and_zone
from store.queries.overview import counts, last_sweep
from store.queries.runs import get_run, list_runs
from store.queries.tasks import get_task, list_tasks
from store.readiness import is_current
from tests.databases import engine_of
from tests.store.book import NOW, Book, days


@pytest.fixture
def conn(database) -> Iterator[sa.Connection]:
    engine = engine_of(database)
    with engine.connect() as conn:
        yield conn


@pytest.fixture
def book(conn) -> Book:
    return Book(conn)


def pages(list_them):
    """Every page until the last."""
    found, after = [], None
    while True:
        page = list_them(after)
        found.append([item.id for item in page.items])
        if page.next is None:
            return found
        after = page.next


# --- runs ---


def test_runs_are_listed_latest_first_page_by_page(book, conn):
    ids = [book.run(book.account(f"a{n}")) for n in range(5)]
    assert pages(lambda after: list_runs(conn, limit=2, after=after)) == [
        [ids[4], ids[3]],
        [ids[2], ids[1]],
        [ids[0]],
    ]


def test_runs_are_found_by_state_playbook_and_account(book, conn):
    acme, birch = book.account("acme"), book.account("birch")
    opened = book.run(acme)
    stuck = book.run(birch, "renewal-90", standing="stuck")
    ended = book.ended_run(acme, "onboarding")

    def found(**filters):
        return {row.id for row in list_runs(conn, **filters).items}

    assert found() == {opened, stuck, ended}
    assert found(state="open") == {opened, stuck}
    assert found(state="ended") == {ended}
    assert found(stuck=True) == {stuck}
    assert found(playbook="renewal-90") == {stuck}
    assert found(account_key="acme") == {opened, ended}
    assert found(account_key="acme", state="open") == {opened}


def test_a_run_says_where_it_stands_and_what_is_next(book, conn):
    stand = {"path": "steps[0]", "step": "call", "says": "task: Call", "until": (NOW + days(5)).isoformat()}
    run_id = book.run(book.account(), at_step=[stand], due_at=NOW + days(5))
    [row] = list_runs(conn).items
    assert (row.id, row.account, row.account_name, row.title) == (run_id, "acme", "Acme Freight", "risk-recovery")
    assert (row.stands[0].step, row.stands[0].until, row.due_at) == ("call", NOW + days(5), NOW + days(5))


def test_a_run_says_what_its_mail_waits_for_while_it_waits(book, conn):
    account_id = book.account()
    stand = {"path": "steps[0]/settled", "step": "checking_in", "says": "mail hello is on its way", "until": None}
    run_id = book.run(account_id, at_step=[stand, stand | {"step": "call", "says": "task: Call"}])
    mail_id = book.mail(run_id, account_id, book.contact(account_id), step="checking_in", state="prepared")
    why = "the contact got 2 mails within 7 days: 2 of renewal-90 (priority 80)"
    with_reason = sa.update(schema.mail).where(schema.mail.c.id == mail_id)
    conn.execute(with_reason.values(reason=why, due_at=NOW + days(2)))

    def stands():
        found = get_run(conn, run_id)
        assert found is not None
        return found.run.stands

    mine, other = stands()
    assert (mine.because, mine.until) == (why, NOW + days(2))
    assert (other.because, other.until) == ("", None)
    conn.execute(with_reason.values(reason=None, state="sent"))
    assert [(one.because, one.until) for one in stands()] == [("", None)] * 2


def test_an_ended_run_stands_nowhere(book, conn):
    book.ended_run(book.account(), at_step=[{"path": "steps[0]"}], due_at=NOW)
    [row] = list_runs(conn).items
    assert (row.stands, row.due_at, row.reason) == ((), None, "goal reached")


def test_one_run_comes_with_its_trace_reasons_tasks_mails_and_watches(book, conn):
    account_id = book.account()
    run_id = book.run(account_id)
    book.crossing(account_id, run_id=run_id)
    book.trace(run_id, (2, "steps[0]", "task", {"outcome": "open"}), (1, "steps[0]", "answered", {"by": "kim"}))
    task_id = book.task(run_id, account_id)
    mail_id = book.mail(run_id, account_id, book.contact(account_id))
    conn.execute(
        sa.insert(schema.watch).values(
            run_id=run_id, account_id=account_id, key="goal", condition={"text": "health.score >= 75"}, opened_at=NOW
        )
    )
    conn.execute(sa.insert(schema.outbox).values(run_id=run_id, n=2, kind="tell", fact={}, created_at=NOW))

    detail = get_run(conn, run_id)

    assert detail is not None
    assert [(line.what, line.detail) for line in detail.trace] == [
        ("task", {"outcome": "open"}),
        ("answered", {"by": "kim"}),
    ]
    assert detail.reasons[0].values == {"health.score": 41.5}
    assert [task.id for task in detail.tasks] == [task_id]
    assert [mail.id for mail in detail.mails] == [mail_id]
    assert [(watch.key, watch.says) for watch in detail.watches] == [("goal", "health.score >= 75")]
    assert detail.undelivered == 1


def test_what_is_not_there_is_none(conn):
    assert get_run(conn, 1) is None
    assert get_task(conn, 1, NOW) is None
    assert get_mail(conn, 1) is None


# --- tasks ---


def test_open_tasks_come_by_due_date_with_undated_ones_last(book, conn):
    account_id = book.account()
    run_id = book.run(account_id)
    dues = [None, 3, -1, 3, None, 1]
    ids = [
        book.task(run_id, account_id, visit=n, due_at=None if due is None else NOW + days(due))
        for n, due in enumerate(dues)
    ]
    expected = [ids[2], ids[5], ids[1], ids[3], ids[0], ids[4]]
    for limit in (1, 2, 4, 50):
        found = pages(lambda after, limit=limit: list_tasks(conn, NOW, limit=limit, after=after))
        assert [task_id for page in found for task_id in page] == expected


def test_tasks_are_found_by_view_person_and_account(book, conn):
    acme, birch = book.account("acme"), book.account("birch")
    run_id = book.run(acme)
    late = book.task(run_id, acme, visit=1, due_at=NOW - days(1))
    hers = book.task(run_id, birch, visit=2, assignee="lee")
    escalated = book.task(run_id, acme, visit=3, escalated_to="lee")
    settled = {"state": "done", "outcome": "reached", "settled_at": NOW, "settled_by": "kim"}
    done = book.task(run_id, acme, visit=4, **settled)

    def found(**filters):
        return {row.id for row in list_tasks(conn, NOW, **filters).items}

    assert found() == {late, hers, escalated}
    assert found(view="overdue") == {late}
    assert found(view="settled") == {done}
    assert found(assignee="lee") == {hers, escalated}
    assert found(account_key="birch") == {hers}


def test_a_task_names_its_people_account_and_playbook(book, conn):
    account_id = book.account()
    book.person("kim", "Kim Novak")
    task_id = book.task(book.run(account_id), account_id, checklist=[{"text": "Read", "done": False}])
    row = get_task(conn, task_id, NOW + days(3))
    assert row is not None
    assert (row.assignee_name, row.account_name, row.playbook) == ("Kim Novak", "Acme Freight", "risk-recovery")
    assert row.overdue
    assert row.checklist[0].text == "Read"


def test_somebody_unknown_is_called_by_key(book, conn):
    account_id = book.account()
    task_id = book.task(book.run(account_id), account_id, assignee="gone")
    row = get_task(conn, task_id, NOW)
    assert row is not None
    assert row.assignee_name == "gone"


# --- mails, accounts, names ---


def test_mails_are_listed_latest_first_and_found_by_state_and_account(book, conn):
    account_id = book.account()
    contact_id, run_id = book.contact(account_id), book.run(account_id)
    ids = [book.mail(run_id, account_id, contact_id, step=f"s{n}") for n in range(3)]
    conn.execute(sa.update(schema.mail).where(schema.mail.c.id == ids[1]).values(state="skipped", reason="no consent"))

    assert pages(lambda after: list_mails(conn, limit=2, after=after)) == [[ids[2], ids[1]], [ids[0]]]
    [skipped] = list_mails(conn, state="skipped").items
    assert (skipped.id, skipped.reason, skipped.to_name) == (ids[1], "no consent", "Ada Moreau")
    assert list_mails(conn, account_key="birch").items == ()


def test_one_mail_comes_with_bodies_and_events(book, conn):
    account_id = book.account()
    mail_id = book.mail(book.run(account_id), account_id, book.contact(account_id))
    for key, type_, ago in (("k2", "clicked", 1), ("k1", "delivered", 2)):
        times = {"at": NOW - days(ago), "learned_at": NOW}
        conn.execute(sa.insert(schema.mail_event).values(mail_id=mail_id, type=type_, key=key, **times))
    detail = get_mail(conn, mail_id)
    assert detail is not None
    assert (detail.html, detail.plain) == ("<p>Hello Ada</p>", "Hello Ada")
    assert [event.type for event in detail.events] == ["delivered", "clicked"]


def test_accounts_show_their_latest_score_and_open_runs(book, conn):
    acme, birch = book.account("acme"), book.account("birch", name=None)
    book.score(acme, 81.0, "green", at=NOW - days(9))
    book.score(acme, 35.5, "red")
    book.score(birch, None, None)
    book.run(acme)

    rows = {row.key: row for row in list_accounts(conn).items}
    assert [(score.value, score.band) for score in rows["acme"].scores] == [(35.5, "red")]
    assert (rows["acme"].open_runs, rows["birch"].open_runs, rows["birch"].name) == (1, 0, "birch")
    assert [row.key for row in list_accounts(conn, band="red").items] == ["acme"]
    assert list_accounts(conn, band="green").items == ()


def test_the_latest_name_counts(book, conn):
    account_id = book.account(name="Acme")
    values = {"account_id": account_id, "field": "account.name", "learned_at": NOW}
    conn.execute(sa.insert(schema.account_value).values(value="Acme Freight Ltd", at=NOW + days(1), **values))
    assert list_accounts(conn).items[0].name == "Acme Freight Ltd"


def test_people_are_listed_by_name(book, conn):
    book.person("z", "Ada")
    book.person("a", "Zoe")
    assert [person.key for person in people(conn)] == ["z", "a"]


def test_a_database_without_workspace_has_plain_names(conn):
    assert workspace_name_and_zone(conn) == ("Tenure", "UTC")


# --- counts ---


def test_an_empty_database_counts_nothing(conn):
    found = counts(conn, NOW)
    assert (found.accounts, found.runs_ended, found.mails, found.steps_failed) == (0, {}, {}, 0)
    assert last_sweep(conn) is None


def test_everything_is_counted(book, conn):
    acme, birch = book.account("acme"), book.account("birch")
    book.score(acme, 35.5, "red")
    book.score(acme, 36.5, "red")
    book.score(birch, None, None)
    run_id = book.run(acme, standing="stuck")
    book.ended_run(acme)
    book.ended_run(birch, reason="churned")
    book.crossing(acme, run_id=run_id)
    book.crossing(birch, state="held", at=NOW)
    book.task(run_id, acme, due_at=NOW - days(1))
    book.task(run_id, acme, visit=2, state="done", outcome="reached")
    book.mail(run_id, acme, book.contact(acme), state="sent")
    for step, outcome in (("a", "failed"), ("b", "done")):
        row = {"visit": 1, "effect": "email", "receipt": {"outcome": outcome}, "at": NOW}
        conn.execute(sa.insert(schema.ledger).values(run_id=run_id, step=step, **row))
    conn.execute(sa.insert(schema.outbox).values(run_id=run_id, n=1, kind="start", created_at=NOW))
    sweeps = [{"at": NOW, "finished": True}, {"at": NOW + days(1), "finished": False}]
    conn.execute(sa.insert(schema.sweep).values(sweeps))

    found = counts(conn, NOW)

    assert (found.accounts, found.scored, found.crossings, found.held) == (2, 1, 2, 1)
    assert (found.runs_started, found.runs_open, found.runs_stuck) == (3, 1, 1)
    assert found.runs_ended == {"goal reached": 1, "churned": 1}
    assert found.mails == {"sent": 1}
    assert (found.tasks_created, found.tasks_open, found.tasks_overdue, found.tasks_completed) == (2, 1, 1, 1)
    assert (found.steps_failed, found.outbox_waiting) == (1, 1)
    assert last_sweep(conn) == NOW


# --- pages, readiness ---


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "", "9" * 30, "１"])
def test_an_unknown_cursor_is_refused(after):
    with pytest.raises(CursorError):
        id_after(after)


@pytest.mark.parametrize("after", ["x", "never_x", "2026-01-01_1", "_1", "2026-99-99T00:00:00Z_1"])
def test_an_unknown_cursor_with_a_moment_is_refused(after):
    with pytest.raises(CursorError):
        moment_and_id_after(after)


def test_a_migrated_database_is_current_and_another_is_not(conn):
    assert is_current(conn)
    conn.execute(sa.text("update alembic_version set version_num = 'older'"))
    assert not is_current(conn)
    conn.execute(sa.text("drop table alembic_version"))
    assert not is_current(conn)
