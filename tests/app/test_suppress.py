"""The list of addresses that are not written to, as an operator keeps it."""

import pytest
import sqlalchemy as sa

from store import schema
from store.access.audit import all_audit
from store.postgres.database import engine_for
from tests.command_line import tenure
from tests.mailing import Post


@pytest.fixture
def suppress(database, monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    return lambda *arguments: tenure("suppress", *arguments, home=tmp_path)


def test_addresses_are_put_on_the_list_shown_and_taken_off(suppress):
    assert suppress("add", "Ann@acme.test", "bob@acme.test", "--note", "asked by phone").code == 0
    assert suppress("add", "ann@acme.test", "--json").json == {"new": 0, "known": 1}
    listed = suppress("list", "--address", "ANN@acme.test", "--json").json["items"]
    assert [(one["address"], one["reason"], one["note"]) for one in listed] == [
        ("Ann@acme.test", "manual", "asked by phone")
    ]
    assert suppress("remove", "ann@acme.test", "--reason", "bounced").code == 1
    assert suppress("remove", "ann@acme.test").code == 0
    assert suppress("remove", "ann@acme.test").code == 1
    assert "bob@acme.test" in suppress("list").out
    assert "Ann" not in suppress("list").out


def test_the_audit_log_names_whom_we_write_to_again_and_nobody_who_was_forgotten(suppress, database, tmp_path):
    post = Post(engine_for(database))
    contact_id = post.contact(post.run(), key="c-17", email="ann@acme.test")
    with post.engine.begin() as conn:
        of = sa.select(schema.account.c.key).join(schema.contact).where(schema.contact.c.id == contact_id)
        account = conn.execute(of).scalar_one()
    suppress("add", "ann@acme.test", "bob@acme.test")
    suppress("remove", "bob@acme.test")
    erased = tenure("erase", "c-17", "--account", account, "--by", "dpo@corp.test", "--json", home=tmp_path).json
    with post.engine.begin() as conn:
        lines = [(row.who, row.did, row.what) for row in all_audit(conn)]
    post.engine.dispose()
    assert lines == [
        ("command line", "suppressed", "2 addresses"),
        ("command line", "suppression_lifted", "bob@acme.test"),
        ("dpo@corp.test", "contact_erased", f"erasure {erased['id']}"),
    ]
    assert suppress("list", "--reason", "erased").code == 0


def test_a_file_is_imported_and_its_bad_rows_are_named(suppress, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text('\ufeffName,E-Mail\nAnn,ann@acme.test\nBob,bob(at)acme.test\nCy,"cy@acme.test"\nDot,d@x.test,3\n')
    done = suppress("import", file, "--json")
    assert done.code == 1
    assert (done.json["new"], done.json["known"]) == (2, 0)
    assert sorted((one["line"], one["code"]) for one in done.json["left_out"]) == [(3, "PB521"), (5, "PB521")]
    assert f"{file}:3: " in done.err
    again = suppress("import", file)
    assert "0 addresses more on the list, 2 known before; 2 rows left out" in again.err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name,age\nann,3\n", "no column called address or email"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "columns: none"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_what_to_do(suppress, tmp_path, content, says):
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    done = suppress("import", file)
    assert done.code == 2
    assert says in done.err
    assert suppress("import", tmp_path / "none.csv").code == 2


def test_what_is_no_address_or_reason_is_refused_and_nothing_is_written(suppress):
    assert suppress("add", "ann@acme.test", "nobody").code == 2
    assert suppress("list", "--reason", "tired").code == 2
    assert suppress("list", "--json").json == {"items": [], "next": None}
