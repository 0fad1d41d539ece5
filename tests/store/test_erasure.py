"""A person who is forgotten: nothing names them any more, and nobody brings them back unnoticed."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.addresses import address_key
from engine.facts import AccountFact, ContactFact, IncomingFact
from store import arriving, consent, schema, surveys
from store.database import engine_for
from store.erasure import erase
from store.intake import take_in
from tests.mailing import NOW, Post

ANN = "Ann.Öster@acme.test"


@pytest.fixture
def engine(database):
    engine = engine_for(database)
    yield engine
    engine.dispose()


@pytest.fixture
def post(engine):
    return Post(engine)


def contact(post, run_id, name, email):
    contact_id = post.contact(run_id, email=email)
    post.change(schema.contact, contact_id, name=name, first_name=name.split()[0])
    return contact_id


def everything(engine):
    """Every cell of every table, as text."""
    with engine.begin() as conn:
        tables = conn.execute(sa.text("select tablename from pg_tables where schemaname = current_schema()")).scalars()
        return "\n".join(
            f"{table}: {row}"
            for table in tables
            for row in conn.execute(sa.text(f'select t::text from "{table}" t')).scalars()
        )


@pytest.fixture
def ann(post, engine):
    """Ann is a contact of two accounts, in every table; Bob and Annual stay. Gives (account, contact) keys and runs."""
    runs = [post.run(), post.run()]
    people = [
        contact(post, run_id, "Ann Öster", written) for run_id, written in zip(runs, (ANN, ANN.lower()), strict=True)
    ]
    bob = contact(post, runs[0], "Bob Annual", "bob@acme.test")
    texts = {"subject": "Hello Ann", "plain": "Dear Ann Öster", "html": "<p>Ann</p>"}
    drafts = [post.draft(run_id, who, to_name="Ann Öster", **texts) for run_id, who in zip(runs, people, strict=True)]
    post.prepare(*drafts, post.draft(runs[0], bob, step="other", subject="Annual report", plain="for Bob"))
    with engine.begin() as conn:
        row = conn.execute(sa.select(schema.contact).where(schema.contact.c.id == people[0])).one()
        accounts = {run.id: run.account_id for run in conn.execute(sa.select(schema.run))}
        own = {"account_id": accounts[runs[0]]}
        task = {"run_id": runs[0], "step": "call", "visit": 1, "title": "Call Ann Öster", "outcomes": ["done"]}
        task |= own | {"created_at": NOW, "note": f"wrote to {ANN.upper()}", "description": "Annual review with Ann"}
        task_id = conn.execute(sa.insert(schema.task).values(task).returning(schema.task.c.id)).scalar_one()
        conn.execute(
            sa.insert(schema.draft).values(
                task_id=task_id, contact_id=people[0], text_hash="t1", subject="Ann", body="Dear Ann"
            )
        )
        question = surveys.Question(
            run_id=runs[0], step="nps", visit=1, account_id=accounts[runs[0]], contact_id=people[0], address=ANN,
            asks="nps", question="Ann, would you?", closes_at=NOW + timedelta(days=9),
        )  # fmt: skip
        surveys.ask(conn, question, NOW)
        conn.execute(sa.update(schema.survey).values(comment="I am Ann"))
        detail = {"reason": f"550 no {ANN} here", "who": "Ann Öster"}
        conn.execute(
            sa.insert(schema.trace).values(run_id=runs[0], seq=1, at=NOW, path="s", what="mail", detail=detail)
        )
        event = {"type": "met", "key": f"{ANN}/1", "props": {"with": "Ann Öster"}, "at": NOW, "learned_at": NOW}
        conn.execute(sa.insert(schema.event).values(own | event))
        value = {"field": "account.note", "value": "ask Ann Öster", "at": NOW, "learned_at": NOW}
        conn.execute(sa.insert(schema.account_value).values(own | value))
        fact = ContactFact(account="a1", key="c9", name="Ann Öster", email=ANN, at=NOW + timedelta(days=3))
        arriving.stage(conn, [(fact, NOW + timedelta(days=3))])
        listed = {"address_key": address_key(ANN), "reason": "imported", "address": ANN, "note": "from Ann's list"}
        conn.execute(sa.insert(schema.suppression).values(listed | {"at": NOW - timedelta(days=9)}))
        consent.suppress(conn, [consent.Suppressing(address="bob@acme.test", reason="bounced")], NOW)
        account = conn.execute(
            sa.select(schema.account.c.key).where(schema.account.c.id == row.account_id)
        ).scalar_one()
    return account, row.key, runs


def forget(engine, account, key):
    with engine.begin() as conn:
        return erase(conn, account, key, "ops", NOW)


def test_nothing_names_a_person_any_more_who_was_erased(post, engine, ann):
    account, key, _ = ann
    assert "Ann Öster" in everything(engine)
    receipt = forget(engine, account, key)
    assert receipt is not None
    assert (receipt.contacts, receipt.accounts, receipt.mails, receipt.surveys) == (2, 2, 2, 1)
    left = everything(engine)
    for word in ("Öster", "ann.öster", "Dear Ann", "Ann,", "Hello Ann", "xn--"):
        assert word.casefold() not in left.casefold(), word
    assert "Bob Annual" in left
    assert "Annual report" in left
    assert "Annual review with (erased)" in left


def test_what_is_on_its_way_is_stopped_and_the_runs_hear_why(post, engine, ann):
    account, key, runs = ann
    receipt = forget(engine, account, key)
    assert receipt is not None
    assert receipt.stopped == 2
    for run_id in runs:
        told = [one["values"] for one in post.told(run_id) if one["kind"] == "mail" and one["of"] == "checking_in"]
        assert [(one["outcome"], one["reason"]) for one in told] == [
            ("skipped", "the person was erased, and is written to no more")
        ]


def test_a_later_import_does_not_bring_the_person_back(engine, ann):
    account, key, _ = ann
    forget(engine, account, key)
    facts: list[IncomingFact] = [
        AccountFact(key="new"),
        ContactFact(account="new", key="x", name="Ann Öster", email=f" {ANN.upper()} "),
        ContactFact(account=account, key=key, name="Ann Öster"),
        ContactFact(account="new", key="y", name="Cy", email="cy@acme.test"),
    ]
    with engine.begin() as conn:
        report = take_in(conn, facts, known_at=NOW + timedelta(days=1))
    assert [(one.n, one.why) for one in report.problems] == [(1, "erased"), (2, "erased")]
    assert report.counts == {"account": 1, "contact": 1}
    assert "öster" not in everything(engine).casefold()
    with engine.begin() as conn:
        assert consent.is_erased(conn, ANN)
        assert [one.address for one in consent.list_suppressed(conn, address=ANN)] == [None, None]


def test_a_contact_nobody_knows_is_nobody(engine, post):
    assert forget(engine, "nowhere", "nobody") is None


def test_a_contact_without_an_address_is_erased_as_well(post, engine):
    run_id = post.run()
    contact_id = contact(post, run_id, "Zoë Quill", "zoe@acme.test")
    post.change(schema.contact, contact_id, email=None)
    with engine.begin() as conn:
        key = conn.execute(sa.select(schema.contact.c.key)).scalar_one()
        account = conn.execute(sa.select(schema.account.c.key)).scalar_one()
    assert forget(engine, account, key).contacts == 1
    assert "Quill" not in everything(engine)
    assert forget(engine, account, key) is None
