"""A person who is forgotten: nothing names them any more, and nobody brings them back unnoticed."""

from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, ContactFact, IncomingFact
from engine.mail.addresses import address_key
from engine.mail.incoming import Incoming
from engine.mail.seen import Seen
from engine.workspace import load_workspace
from store import consent, schema
from store.access import audit
from store.access.audit import Actor
from store.erasure import erase
from store.intake import arriving, take_in
from store.people import recipients
from store.responses import mail_events, replies, surveys
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.store.world import World, workspace

ANN = "Ann.Öster@acme.test"


@pytest.fixture
def engine(database):
    return engine_of(database)


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


NAMING = (
    *("mail_reply", "quarantine", "endpoint_message", "account_note", "task_comment", "kept_form", "audit", "errand"),
    *("idempotency", "outbox", "run", "crossing", "record", "arriving", "trace", "event", "draft", "survey", "task"),
)
"""Tables of which `ann` puts a row that names her."""


def name_in_passing(conn, own, task_id, run_id):
    """Ann in the words of others: colleagues, programs, and what was not taken in."""

    def put(table, **values):
        conn.execute(sa.insert(table).values(**values))

    mail_id = conn.execute(sa.select(schema.mail.c.id).where(schema.mail.c.to_address == ANN)).scalar_one()
    conn.execute(sa.update(schema.mail).where(schema.mail.c.id == mail_id).values(replies_to="reply+öster@in.test"))
    said = {"from_address": ANN, "from_name": "Ann Öster", "subject": "Re", "says": "Ann here", "kind": "replied"}
    put(schema.mail_reply, mail_id=mail_id, key="r1", at=NOW, learned_at=NOW, **said)
    cells = {"account": "elsewhere", "name": "Ann Öster", "email": ANN}
    wrong = {"code": "IM001", "reason": f"{ANN} has no account", "hash": "q1", "found_at": NOW}
    put(schema.quarantine, source="import crm", cells=cells, **wrong)
    made = {"url": "https://hook.test", "events": ["*"], "secret": "whsec_x", "made_by": "kim", "created_at": NOW}
    endpoint = conn.execute(sa.insert(schema.endpoint).values(made).returning(schema.endpoint.c.id)).scalar_one()
    times = {"due_at": NOW, "give_up_at": NOW, "created_at": NOW}
    told = {"type": "task.created", "data": {"title": "Call Ann Öster"}}
    put(schema.endpoint_message, endpoint_id=endpoint, event="task.created", request_id="m1", body=told, **times)
    put(schema.account_note, **own, at=NOW, by="kim", text="Ann will leave in May")
    put(schema.task_comment, task_id=task_id, at=NOW, by="kim", text="Ann Öster was out")
    put(schema.login, person="kim", name="Kim", role="csm", created_at=NOW)
    form = {"path": f"/contacts/{quote(ANN)}", "page": "/", "fields": [["note", "Ann Öster called"]], "kept_at": NOW}
    put(schema.kept_form, hash="k1", person="kim", **form)
    audit.record(conn, Actor(who="kim"), "note_added", NOW, what=f"POST /contacts/{ANN}", about="Ann Öster")
    body = {"text": "Ann Öster has answered"}
    put(schema.errand, run_id=run_id, step="tell", visit=1, **own, kind="chat", connector="x", request_id="e1",
        body=body, **times)  # fmt: skip
    put(schema.idempotency, caller="k", key="i1", request="h", status=200, answer=f'{{"email": "{ANN}"}}', at=NOW)
    fact = {"n": 7, "kind": "task", "of": "call", "at": NOW.isoformat(), "values": {"note": "Ann Öster"}}
    put(schema.outbox, run_id=run_id, n=7, kind="tell", fact=fact, created_at=NOW)
    at_step = [{"path": "0", "step": "call", "says": "waits for the task Call Ann Öster"}]
    mine = schema.run.c.id == run_id
    conn.execute(sa.update(schema.run).where(mine).values(at_step=at_step, position={"note": "Ann Öster"}))
    reasons = [{"trigger": "t", "kind": "event", "says": "met Ann Öster", "values": {}}]
    put(schema.crossing, playbook="p", version=1, **own, at=NOW, reasons=reasons, state="lapsed", why="Ann Öster")
    props = {"opened_by": ANN}
    put(schema.record, **own, kind="ticket", key=f"{ANN}/7", starts_at=NOW, props=props, at=NOW, learned_at=NOW)


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
        name_in_passing(conn, own, task_id, runs[0])
        account = conn.execute(
            sa.select(schema.account.c.key).where(schema.account.c.id == row.account_id)
        ).scalar_one()
    return account, row.key, runs


def forget(engine, account, key):
    with engine.begin() as conn:
        return erase(conn, account, key, "ops", NOW)


def test_nothing_names_a_person_any_more_who_was_erased(post, engine, ann):
    account, key, _ = ann
    before = everything(engine)
    for table in NAMING:
        assert any(line.startswith(f"{table}: ") and "Ann" in line for line in before.split("\n")), table
    receipt = forget(engine, account, key)
    assert receipt is not None
    assert (receipt.contacts, receipt.accounts, receipt.mails, receipt.surveys) == (2, 2, 2, 1)
    left = everything(engine)
    for word in ("Öster", "ann.öster", "Dear Ann", "Ann,", "Hello Ann", "xn--"):
        assert word.casefold() not in left.casefold(), word
    assert "Bob Annual" in left
    assert "Annual report" in left
    assert "Annual review with (erased)" in left
    for fact in ("quarantine: (", "endpoint_message: (", "account_note: (", "task_comment: (", "kept_form: ("):
        assert fact in left, f"{fact} is still there, without the name"
    assert "POST /contacts/(erased)" in left
    assert "mail_reply: (" not in left


def test_others_of_the_same_first_name_keep_theirs(engine, ann):
    account, key, _ = ann
    fact = ContactFact(account="far", key="c1", name="Ann Smith", email="ann@far.test", at=NOW + timedelta(days=3))
    with engine.begin() as conn:
        arriving.stage(conn, [(fact, NOW + timedelta(days=3))])
    forget(engine, account, key)
    assert "Ann Smith" in everything(engine)


def test_what_comes_back_to_their_mails_later_is_kept_without_words(post, engine, ann):
    account, key, _ = ann
    with engine.begin() as conn:
        mine = schema.mail.c.to_address == ANN
        message_id = conn.execute(sa.select(schema.mail.c.message_id).where(mine)).scalar_one()
    forget(engine, account, key)
    seen = Seen(message_id=message_id, type="bounced", key="e1", at=NOW, reason=f"550 no {ANN}", stops="bounced")
    answer = Incoming(key="<r1@acme.test>", kind="replied", to=(), about=(message_id,), says="Ann Öster", at=NOW)
    with engine.begin() as conn:
        assert mail_events.take_in(conn, [seen], NOW).new == 1
        assert replies.take_in(conn, answer, NOW) == "stranger"
    assert "öster" not in everything(engine).casefold()


@pytest.mark.parametrize("change", ["update audit set who = 'x'", "delete from audit"])
def test_the_audit_log_lets_a_name_be_blanked_and_nothing_else_be_changed(engine, change):
    with engine.begin() as conn:
        audit.record(conn, Actor(who="kim"), "did", NOW, what="POST /contacts/x")
    erasing = sa.text(f"set local tenure.erasing = 'on'; {change}")
    with pytest.raises(sa.exc.ProgrammingError, match="append-only"), engine.begin() as conn:
        conn.execute(erasing)


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


@pytest.fixture
def near(engine):
    """Tells things of the account `max-bau` and its people, erases Max Weber, and gives all that is left."""

    def erased(*told: IncomingFact, notes=(), name="Max Weber"):
        with engine.begin() as conn:
            person = ContactFact(account="max-bau", key="c1", name=name, email="mw@weber.test")
            facts = [AccountFact(key="max-bau", fields={"account.csm": "kim"}), person, *told]
            assert not take_in(conn, facts, known_at=NOW).problems
            account = conn.execute(sa.select(schema.account.c.id)).scalar_one()
            for text in notes:
                conn.execute(sa.insert(schema.account_note).values(account_id=account, at=NOW, by="kim", text=text))
        assert forget(engine, "max-bau", "c1") is not None
        return everything(engine)

    return erased


def test_the_account_keeps_its_key_and_its_name(engine, near):
    left = near(AccountFact(key="max-bau", fields={"account.name": "Max Bau GmbH"}), notes=["Max Weber called"])
    assert "max-bau" in left
    assert "Max Bau GmbH" in left
    assert "(erased) called" in left
    assert "Weber" not in left


def test_whoever_else_is_called_so_at_the_account_keeps_name_and_address(engine, near):
    other = ContactFact(account="max-bau", key="c2", name="Max Schmidt", email="max.schmidt@bau.test")
    left = near(other, notes=["Weber called about Max"])
    assert "Max Schmidt" in left
    assert "max.schmidt@bau.test" in left
    assert "(erased) called about Max" in left


def test_an_address_of_somebody_else_that_begins_with_the_name_stays(engine, near):
    left = near(ContactFact(account="max-bau", key="c2", name="Eva Li", email="eva+weber@weber.test"))
    assert "eva+weber@weber.test" in left


def test_a_colleague_keeps_the_accounts_of_somebody_who_is_called_like_their_id(engine, near):
    with engine.begin() as conn:
        conn.execute(sa.insert(schema.person).values(key="kim", name="Kim Larsen", learned_at=NOW))
    left = near(notes=["Kim called", "spoke with kim, who leaves"], name="Kim Weber")
    assert '"kim"' in left  # account.csm
    assert "(erased) called" in left
    assert "spoke with (erased), who leaves" in left


def test_the_last_name_goes_as_well(engine, near):
    left = near(notes=["Frau Öster-Lind rief an", "Dear Ms Öster-Lind,"], name="Ann Öster-Lind")
    assert "Öster" not in left


def test_who_was_named_does_not_come_back_with_another_address_but_who_shared_theirs_does(engine):
    people = [ContactFact(account="a", key=key, name=f"{key} Li", email="info@acme.test") for key in ("ann", "bob")]
    own = [
        ContactFact(account="a", key=key, name=f"{key} Li", email=f"{key}@acme.test", at=NOW + timedelta(days=1))
        for key in ("ann", "bob")
    ]
    with engine.begin() as conn:
        assert not take_in(conn, [AccountFact(key="a"), *people], known_at=NOW).problems
    assert forget(engine, "a", "ann").contacts == 2
    with engine.begin() as conn:
        report = take_in(conn, own, known_at=NOW + timedelta(days=1))
    assert [(one.n, one.why) for one in report.problems] == [(0, "erased")]
    assert report.counts == {"contact": 1}
    left = everything(engine)
    assert "ann@acme.test" not in left
    assert "bob@acme.test" in left


def test_a_role_that_means_anybody_means_nobody_who_was_erased(engine):
    people = [ContactFact(account="a", key=key, name=f"{key} Li", email=f"{key}@acme.test") for key in ("ann", "eva")]
    with engine.begin() as conn:
        assert not take_in(conn, [AccountFact(key="a"), *people], known_at=NOW).problems
    forget(engine, "a", "ann")
    roles = load_workspace({"tenure.yaml": b"name: W\nroles: { contacts: { champion: [champion, any] } }\n"})
    with engine.begin() as conn:
        account_id = conn.execute(sa.select(schema.account.c.id)).scalar_one()
        assert [one.key for one in conn.execute(sa.select(schema.contact)) if one.name == "(erased)"] == ["erased-1"]
        assert [one.name for one in recipients(conn, account_id, "champion", "first", roles)] == ["eva Li"]
    forget(engine, "a", "eva")
    with engine.begin() as conn:
        assert recipients(conn, account_id, "champion", "first", roles) == []


def test_conditions_and_metrics_do_not_count_who_was_erased(database, engine):
    world = World(database)
    people = [
        ContactFact(account="acme", key=key, name=f"{key} Li", email=f"{key}@acme.test") for key in ("ann", "eva")
    ]
    world.workspace = workspace("name: W\nzone: UTC\nmetrics: { team: count(contact) }\n")
    world.deploy(
        alone="triggers: [{ metric: team, falls_below: 2 }]",
        reached="triggers: [{ becomes: 'count(contact) == 1 and all(contact where do_not_contact == false)' }]",
    )
    world.account("acme", name="Acme")
    world.tell(*people)
    world.sweep()
    assert world.crossings() == []
    with world.tx() as conn:
        erase(conn, "acme", "ann", "ops", world.now)
    world.sweep()
    assert [(name, state) for _, name, state, _ in world.crossings()] == [("alone", "started"), ("reached", "started")]
