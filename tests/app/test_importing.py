import json
import sys
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from app.cli import app
from app.importing import import_folder
from engine.facts import AccountFact
from engine.workspace import load_workspace
from store import clock, schema
from store.deploying.deploy import deploy
from store.intake import arriving, quarantine, take_in
from tests.databases import engine_of

MAY = datetime(2024, 5, 31, tzinfo=UTC)
WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: W
records: { subscription: { arr: number } }
events: { usage: { n: number } }
people: [{ key: ada, name: Ada Lindqvist }]
imports:
  accounts: { file: accounts.csv, as: account, id: key, at: since, fields: { account.name: name } }
  subs:
    { file: subs.csv, as: record subscription, account: key, id: sub, at: start, ends: end, props: { arr: arr } }
  usage:    { file: usage.csv, as: event usage, account: via subs.key, id: id, at: day, props: { n: count } }
generate:
  contacts: { champion: { name: { one_of: [Sam Okoye] }, email: "champion@{key}.example", roles: [champion] } }
  fields: { account.csm: { one_of: [ada] } }
"""
    }
)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def folder(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")

    write("accounts.csv", "\ufeffkey,name,since\nA,Acme,2024-01-01\nB,Beta,2024-06-15\n")
    write("subs.csv", "sub,key,start,end,arr\ns1,A,2024-01-02,2024-07-01,12\ns2,B,2024-06-16,,5\n")
    write(
        "usage.csv",
        "id,sub,day,count\nu1,s1,2023-12-01,1\nu2,s1,2024-05-31,2\nu3,s1,2024-06-01,3\nu4,s2,2024-02-01,4\nu2,s1,2024-05-30,9\n",
    )
    return tmp_path


def everything(engine):
    with engine.connect() as conn:
        return {
            table.name: [tuple(row) for row in conn.execute(sa.select(table).order_by(*table.primary_key))]
            for table in schema.metadata.sorted_tables
        }


def test_what_is_known_is_taken_in_and_the_rest_waits_for_its_day(engine, folder):
    report = import_folder(engine, WORKSPACE, folder, MAY)
    assert report.now == MAY
    counts = {name: (one.rows, one.facts, one.staged, one.repeats) for name, one in report.counts.items()}
    # An account brings its contact; B's usage from before B's signup waits for B.
    assert counts == {"accounts": (2, 2, 2, 0), "subs": (2, 1, 2, 0), "usage": (5, 2, 2, 1)}
    assert [(problem.code, problem.severity, problem.spot.line) for problem in report.problems] == [
        ("PB522", "warning", 6)
    ]
    with engine.begin() as conn:
        learned = conn.execute(sa.select(schema.event.c.key, schema.event.c.learned_at).order_by("key")).all()
        assert learned == [("u1", datetime(2024, 1, 1, tzinfo=UTC)), ("u2", MAY)]
        assert arriving.next_arrival(conn) == MAY + timedelta(days=1)


def test_a_second_import_changes_nothing(engine, folder):
    import_folder(engine, WORKSPACE, folder, MAY)
    before = everything(engine)
    report = import_folder(engine, WORKSPACE, folder, MAY)
    assert everything(engine) == before
    assert all(one.facts == one.staged == 0 for one in report.counts.values())


def test_nor_does_one_after_the_waiting_facts_have_arrived(engine, folder):
    import_folder(engine, WORKSPACE, folder, MAY)
    with engine.begin() as conn:
        clock.set_virtual(conn, MAY + timedelta(days=300))
        assert arriving.arrive(conn, clock.now(conn)).problems == ()
    before = everything(engine)
    import_folder(engine, WORKSPACE, folder)
    assert everything(engine) == before
    with engine.connect() as conn:
        ends = conn.execute(sa.select(schema.record.c.ends_at).where(schema.record.c.superseded_at.is_(None))).scalars()
        assert set(ends) == {None, datetime(2024, 7, 1, tzinfo=UTC)}


def test_arriving_day_by_day_or_importing_later_knows_the_same(engine, folder):
    import_folder(engine, WORKSPACE, folder, MAY + timedelta(days=300))
    with engine.connect() as conn:
        learned = dict(conn.execute(sa.select(schema.event.c.key, schema.event.c.learned_at)).all())
    assert learned["u4"] == datetime(2024, 6, 15, tzinfo=UTC)
    assert learned["u3"] == datetime(2024, 6, 1, tzinfo=UTC)


def test_the_clock_is_not_turned_back(engine, folder):
    import_folder(engine, WORKSPACE, folder, MAY)
    with pytest.raises(ValueError, match="never goes back"):
        import_folder(engine, WORKSPACE, folder, MAY - timedelta(days=1))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_imported(engine, folder, content):
    (folder / "usage.csv").unlink()
    if content is not None:
        (folder / "usage.csv").write_bytes(content)
    report = import_folder(engine, WORKSPACE, folder, MAY)
    assert [(problem.code, problem.spot.file) for problem in report.problems] == [("PB520", "usage.csv")]
    assert report.counts["subs"].facts == 1


def test_a_row_of_an_account_nobody_knows_is_named_by_its_line(engine, folder):
    with (folder / "subs.csv").open("a") as file:
        file.write("s3,Z,2024-01-02,,1\n")
    report = import_folder(engine, WORKSPACE, folder, MAY)
    refused = [problem for problem in report.problems if problem.code == "PB523"]
    assert [(problem.spot.file, problem.spot.line) for problem in refused] == [("subs.csv", 4)]
    assert '"Z"' in refused[0].message


def test_a_row_that_contradicts_what_was_imported_before_is_named_by_its_line(engine, folder):
    import_folder(engine, WORKSPACE, folder, MAY)
    (folder / "usage.csv").write_text("id,sub,day,count\nu1,s1,2023-12-01,1\nu2,s1,2024-05-31,7\n", encoding="utf-8")
    report = import_folder(engine, WORKSPACE, folder, MAY)
    assert [(one.code, one.spot.file, one.spot.line) for one in report.problems] == [("PB524", "usage.csv", 3)]


def test_the_progress_is_told_in_words_and_the_caller_may_own_the_transaction(engine, folder):
    said: list[str] = []
    with engine.connect() as conn:
        import_folder(conn, WORKSPACE, folder, MAY, said.append)
        conn.rollback()
    assert any("usage.csv: 5 rows" in words for words in said)
    assert all(rows == [] for name, rows in everything(engine).items())


def test_the_workspaces_own_people_come_along(engine, folder):
    import_folder(engine, WORKSPACE, folder, MAY)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.person.c.key, schema.person.c.role)).all() == [("ada", "csm")]
        assert conn.execute(sa.select(schema.contact.c.email)).scalars().all() == ["champion@a.example"]


# --- other formats ---------------------------------------------------------------------------------------------------

TYPED = load_workspace(
    {
        "tenure.yaml": b"""
name: W
fields: { account.seats: number, account.vip: bool, account.since: date, account.tags: tags }
metrics: { nps: number, csat: number }
events: { usage: { n: number } }
imports:
  accounts:
    file: accounts.csv
    as: account
    id: key
    fields: { account.seats: seats, account.vip: vip, account.since: since, account.tags: tags }
  scores: { file: scores.jsonl, as: metrics, account: key, at: day, fields: { nps: nps, csat: csat } }
  usage:  { file: usage.parquet, as: event usage, account: key, id: id, at: at, props: { n: n } }
"""
    }
)


@pytest.fixture
def typed_folder(tmp_path):
    (tmp_path / "accounts.csv").write_text("key,seats,vip,since,tags\nA,5,yes,2024-01-02,b;a\n7,,,,\n")
    rows = [
        {"key": "A", "day": "2024-05-01", "nps": 9, "csat": None},
        {"key": 7, "day": "2024-05-01T10:00:00+02:00", "nps": 3.5},
        {"key": "A", "day": "2024-05-02", "nps": "9"},
        ["A"],
        {"key": "A", "day": "2024-05-03", "nps": True},
        {"key": "A", "day": "0024-05-03", "nps": 1},
    ]
    lines = [json.dumps(row) for row in rows] + ['{"key": "A", "day": "2024-05-04", "nps": NaN}', "{", ""]
    (tmp_path / "scores.jsonl").write_text("\n".join(lines))
    told = {
        "id": [1, 2, 3],
        "key": ["A", "A", "7"],
        "at": [datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC), None],
        "n": [1.0, float("nan"), 2.0],
        "unused": ["x", "y", "z"],
    }
    pq.write_table(pa.table(told), tmp_path / "usage.parquet")
    return tmp_path


def test_json_lines_and_parquet_are_read_with_their_types(engine, typed_folder):
    report = import_folder(engine, TYPED, typed_folder, MAY)
    counts = {name: (one.rows, one.facts) for name, one in report.counts.items()}
    assert counts == {"accounts": (2, 2), "scores": (8, 4), "usage": (3, 1)}
    found = sorted((problem.spot.file, problem.spot.line, problem.spot.path) for problem in report.problems)
    assert found == [
        ("scores.jsonl", 3, "nps"),  # a number as text
        ("scores.jsonl", 4, ""),
        ("scores.jsonl", 5, "nps"),
        ("scores.jsonl", 6, "day"),  # the wrong century
        ("scores.jsonl", 7, ""),  # NaN is not JSON
        ("scores.jsonl", 8, ""),
        ("usage.parquet", 2, "n"),
        ("usage.parquet", 3, "at"),
    ]
    before = everything(engine)
    import_folder(engine, TYPED, typed_folder)
    assert everything(engine) == before


def test_parquet_dates_are_dates(engine, typed_folder):
    told = {"id": ["x"], "key": ["A"], "at": [date(2024, 5, 3)], "n": [1]}
    pq.write_table(pa.table(told), typed_folder / "usage.parquet")
    import_folder(engine, TYPED, typed_folder, MAY)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.event.c.at)).scalar() == datetime(2024, 5, 3, tzinfo=UTC)


def test_a_file_that_is_missing_is_said_with_the_place_where_it_was_looked_for(engine, folder):
    inside = f"{folder.name}/accounts.csv"
    one, two, three = WORKSPACE.imports
    named = WORKSPACE.model_copy(update={"imports": (one.model_copy(update={"file": inside}), two, three)})
    (folder / "subs.csv").unlink()
    report = import_folder(engine, named, folder, MAY)
    said = [problem for problem in report.problems if "is left out" in problem.message]
    hints = {problem.spot.file: problem.hint for problem in said}
    assert hints == {
        inside: "files are named from the folder that is imported, so write in tenure.yaml: file: accounts.csv",
        "subs.csv": f"it is looked for as {folder / 'subs.csv'}",
    }


def test_without_the_extra_the_command_that_installs_it_is_named(engine, typed_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    report = import_folder(engine, TYPED, typed_folder, MAY)
    (problem,) = [problem for problem in report.problems if problem.spot.file == "usage.parquet"]
    assert problem.code == "PB520"
    assert 'pip install "tenure[parquet]"' in problem.message


def test_what_is_no_parquet_is_named(engine, typed_folder):
    (typed_folder / "usage.parquet").write_bytes(b"PAR1 nonsense")
    report = import_folder(engine, TYPED, typed_folder, MAY)
    assert any("not a Parquet file" in problem.message for problem in report.problems)


# --- quarantine ------------------------------------------------------------------------------------------------------


def test_what_was_left_out_is_put_aside_once_however_often_it_is_imported(engine, folder):
    with (folder / "subs.csv").open("a") as file:
        file.write("s3,Z,2024-01-02,,1\ns4,A,2024-01-02,,many\ns5,A,1902-01-02,,1\n")
    for _ in range(2):
        report = import_folder(engine, WORKSPACE, folder, MAY)
        found = sorted((one.spot.line, one.code) for one in report.problems if one.spot.file == "subs.csv")
        assert found == [(4, "PB523"), (5, "PB521"), (6, "PB525")]
        with engine.connect() as conn:
            held = quarantine.list_held(conn).items
        assert sorted((one.line, one.code, one.source) for one in held) == [
            (4, "PB523", "import subs"),
            (5, "PB521", "import subs"),
            (6, "PB525", "import subs"),
        ]


def test_on_the_real_clock_what_is_dated_far_ahead_is_put_aside(engine, folder):
    (folder / "usage.csv").write_text("id,sub,day,count\nu1,s1,2023-12-01,1\nu2,s1,2199-05-31,2\n")
    report = import_folder(engine, WORKSPACE, folder)
    assert [(one.code, one.spot.line) for one in report.problems] == [("PB525", 3)]
    assert report.counts["usage"].facts == 1


def test_the_command_line_lists_releases_and_drops(engine, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TENURE_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    with (folder / "subs.csv").open("a") as file:
        file.write("s3,Z,2024-01-02,,1\ns4,A,2024-01-02,,many\n")
    import_folder(engine, WORKSPACE, folder, MAY)
    with engine.begin() as conn:
        deploy(conn, WORKSPACE, [], MAY)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            app([*arguments, "--json"], prog_name="tenure")
        return ended.value.code, json.loads(capsys.readouterr().out)

    code, listed = run("quarantine", "list")
    assert (code, listed["held"]) == (1, {"import subs": 2})
    unread, unknown = (one["id"] for one in listed["items"])
    with pytest.raises(SystemExit):
        app(["quarantine", "list"], prog_name="tenure")
    assert 'arr: "many" is not a number' in capsys.readouterr().out
    with engine.begin() as conn:
        take_in(conn, [AccountFact(key="Z")], known_at=MAY)
    code, told = run("quarantine", "release", "--all")
    assert (code, told["done"]) == (1, [unknown])
    assert "not a number" in told["stays"][str(unread)]
    assert run("quarantine", "drop", str(unread)) == (0, {"done": [unread], "stays": {}})
    assert run("quarantine", "list")[0] == 0
    with pytest.raises(SystemExit) as ended:
        app(["quarantine", "drop"], prog_name="tenure")
    assert ended.value.code == 2
