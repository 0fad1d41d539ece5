from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import AccountFact, ContactFact, EventFact, MetricFact, RecordFact
from engine.imports import Known, Reader, read_table
from engine.imports.making import make
from engine.workspace import OneOf, load_workspace

WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: W
zone: Europe/Berlin
fields:
  account.segment: { type: choice, of: [small, large] }
  account.seats: number
  account.vip: bool
records:
  subscription: { arr: number }
  ticket: { priority: text, csat: number }
events: { usage: { n: number } }
metrics: { nps: number, csat: number }
imports:
  usage:    { file: usage.csv, as: event usage, account: via subs.customer, id: id, at: day, props: { n: count } }
  subs:
    { file: subs.csv, as: record subscription, account: customer, id: sub, at: start, ends: end, props: { arr: arr } }
  accounts:
    file: accounts.csv
    as: account
    id: key
    at: since
    fields: { account.name: name, account.segment: segment, account.seats: seats, account.vip: vip, account.zone: zone }
  tickets:
    file: tickets.csv
    as: record ticket
    account: customer
    id: id
    at: opened
    ends: closed
    props: { priority: prio }
    at_end: { csat: csat }
  scores:   { file: scores.csv, as: metrics, account: customer, at: day, fields: { nps: nps, csat: csat } }
  people:
    { file: people.csv, as: contact, account: customer, id: id, fields: { name: name, email: mail, roles: roles } }
generate:
  contacts: { admin: { name: { one_of: [Pat Novak] }, email: "admin@{key}.example", roles: [admin] } }
  fields: { account.csm: { one_of: [ada, ben] } }
"""
    }
)
ACCOUNTS = (
    "key,name,segment,seats,vip,since,zone\nA-1,Acme,small,5,TRUE,2024-03-01,\nB 2,Beta,,,,2024-03-02,Asia/Tokyo\n"
)
SUBS = "sub,customer,start,end,arr\ns1,A-1,2024-02-01,2024-04-01,1200\ns2,B 2,2024-03-05,,\n"


def berlin(month, day, hour=0):
    offset = 1 if (month, day) < (3, 31) else 2
    return datetime.fromisoformat(f"2024-{month:02}-{day:02}T{hour:02}:00:00+0{offset}:00").astimezone(UTC)


class Reading:
    """Everything the files say, block by block."""

    def __init__(self, tables, size=3):
        self.facts, self.problems, self.repeats = [], [], dict[str, int]()
        for block in Reader(WORKSPACE, tables).blocks(size):
            self.facts += block.facts
            self.facts += [
                Known(fact=told.fact(), known_at=told.learned_at, line=line)
                for told, line in zip(block.told, block.lines, strict=True)
            ]
            self.problems += [*block.problems, *(one.problem for one in block.rejected)]
            if block.repeats:
                self.repeats[block.by.name] = self.repeats.get(block.by.name, 0) + block.repeats


def read(**texts):
    return Reading({name: read_table(text, f"{name}.csv") for name, text in texts.items()})


def facts(reading, kind):
    return [(known.fact, known.known_at) for known in reading.facts if isinstance(known.fact, kind)]


def problems(reading):
    return [
        (str(problem.spot.file), problem.spot.line, problem.spot.path, problem.message) for problem in reading.problems
    ]


def test_an_account_is_known_from_its_own_date_on():
    (first, first_known), (second, second_known) = facts(read(accounts=ACCOUNTS), AccountFact)
    assert first.fields == {
        "account.name": "Acme",
        "account.segment": "small",
        "account.seats": 5,
        "account.vip": True,
        "account.zone": None,
        "account.csm": first.fields["account.csm"],
    }
    assert first_known == first.at == berlin(3, 1)
    assert second.fields["account.segment"] is None
    assert second_known == datetime(2024, 3, 1, 15, tzinfo=UTC)  # midnight in its own zone


def test_a_second_file_of_accounts_puts_off_nothing_that_is_known_and_makes_nothing_up_anew():
    workspace = WORKSPACE.model_copy(update={"imports": (*WORKSPACE.imports, _reviews())})
    tables = {
        "accounts": read_table(ACCOUNTS, "accounts.csv"),
        "subs": read_table(SUBS, "subs.csv"),
        "reviews": read_table("key,day,seats\nA-1,2024-06-01,9\n", "reviews.csv"),
    }
    facts = [known for block in Reader(workspace, tables).blocks() for known in block.facts]
    subscription = next(known for known in facts if isinstance(known.fact, RecordFact) and known.fact.key == "s1")
    assert subscription.known_at == berlin(3, 1)
    later = [known.fact for known in facts if known.known_at == berlin(6, 1)]
    assert later == [AccountFact(key="A-1", fields={"account.seats": 9.0}, at=berlin(6, 1))]


def test_an_account_that_one_file_tells_without_a_date_is_known_with_the_import():
    undated = _reviews().model_copy(update={"name": "undated", "at": None})
    imports = (*(one for one in WORKSPACE.imports if one.name != "accounts"), _reviews(), undated)
    tables = {
        "undated": read_table("key,seats\nA-1,5\n", "undated.csv"),
        "reviews": read_table("key,day,seats\nA-1,2024-06-01,9\n", "reviews.csv"),
        "subs": read_table(SUBS, "subs.csv"),
    }
    reader = Reader(WORKSPACE.model_copy(update={"imports": imports}), tables)
    facts = [known for block in reader.blocks() for known in block.facts]
    subscription = next(known for known in facts if isinstance(known.fact, RecordFact) and known.fact.key == "s1")
    assert subscription.known_at == berlin(2, 1)


def test_one_file_tells_an_account_at_several_dates_and_only_the_same_date_again_is_a_repeat():
    rows = "key,day,seats\nA-1,2024-03-01,5\nA-1,2024-06-01,9\nA-1,2024-06-01,10\n"
    imports = tuple(one for one in WORKSPACE.imports if one.name != "accounts")
    workspace = WORKSPACE.model_copy(update={"imports": (*imports, _reviews())})
    (block,) = Reader(workspace, {"reviews": read_table(rows, "reviews.csv")}).blocks()
    later = AccountFact(key="A-1", fields={"account.seats": 9.0}, at=berlin(6, 1))
    assert [known for known in block.facts if known.line > 2] == [Known(fact=later, known_at=berlin(6, 1), line=3)]
    assert [(problem.spot.line, problem.code) for problem in block.problems] == [(4, "PB522")]


def _reviews():
    accounts = next(one for one in WORKSPACE.imports if one.name == "accounts")
    return accounts.model_copy(update={"name": "reviews", "at": "day", "fields": {"account.seats": "seats"}})


def test_made_up_values_are_the_same_every_time_and_fit_an_address():
    made = facts(read(accounts=ACCOUNTS), ContactFact)
    assert [contact.email for contact, _ in made] == ["admin@a-1.example", "admin@b-2.example"]
    assert [(contact.name, contact.first_name, contact.roles) for contact, _ in made] == [
        ("Pat Novak", "Pat", ("admin",))
    ] * 2
    assert [known for _, known in made] == [known for _, known in facts(read(accounts=ACCOUNTS), AccountFact)]


def test_picks_are_spread_and_do_not_depend_on_the_other_accounts():
    rule = OneOf(one_of=("a", "b", "c"))
    picks = [make(rule, f"K-{n}", "", salt="account.csm") for n in range(300)]
    assert min(picks.count(word) for word in "abc") > 70
    assert make(rule, "K-7", "", salt="account.csm") == picks[7]


def test_a_record_is_learned_at_its_start_and_its_end_when_it_ended():
    told = facts(read(accounts=ACCOUNTS, subs=SUBS), RecordFact)
    assert [(fact.key, fact.at, fact.ends_at, known) for fact, known in told] == [
        ("s1", berlin(2, 1), None, berlin(3, 1)),  # not before the account
        ("s1", berlin(4, 1), berlin(4, 1), berlin(4, 1)),
        ("s2", datetime(2024, 3, 4, 15, tzinfo=UTC), None, datetime(2024, 3, 4, 15, tzinfo=UTC)),
    ]
    assert [fact.props for fact, _ in told] == [{"arr": 1200}, {"arr": 1200}, {}]


def test_an_outcome_is_only_known_once_the_record_has_ended():
    tickets = (
        "id,customer,opened,closed,prio,csat\n"
        "t1,A-1,2024-03-02,2024-03-02T09:00:00,high,4\n"
        "t2,A-1,2024-03-02,,low,5\n"
        "t3,A-1,2024-03-02,2024-03-02,low,3\n"
    )
    told = facts(read(accounts=ACCOUNTS, tickets=tickets), RecordFact)
    assert [(fact.key, fact.props.get("csat"), known) for fact, known in told] == [
        ("t1", None, berlin(3, 2)),
        ("t1", 4, berlin(3, 2, 9)),
        ("t2", None, berlin(3, 2)),
        ("t3", 3, berlin(3, 2)),  # over as soon as it began: one version
    ]


def test_a_row_finds_its_account_through_another_file():
    usage = "id,sub,day,count\nu1,s2,2024-03-06,3\nu2,s1,2024-01-01,4\nu3,s9,2024-03-06,5\n"
    reading = read(accounts=ACCOUNTS, subs=SUBS, usage=usage)
    told = facts(reading, EventFact)
    assert [(fact.account, fact.props, known) for fact, known in told] == [
        ("B 2", {"n": 3}, datetime(2024, 3, 5, 15, tzinfo=UTC)),
        ("A-1", {"n": 4}, berlin(3, 1)),  # dated before the account is known
    ]
    assert problems(reading) == [("usage.csv", 4, "sub", '"s9" leads to no row of subs.csv')]


def test_without_the_other_file_the_import_is_left_out_and_says_so():
    reading = read(accounts=ACCOUNTS, usage="id,sub,day,count\nu1,s2,2024-03-06,3\n")
    assert facts(reading, EventFact) == []
    assert "import the files together" in str(reading.problems[0])


def test_metrics_and_contacts_come_from_files_too():
    scores = "customer,day,nps,csat\nA-1,2024-03-05,9,\n"
    people = "id,customer,name,mail,roles\np1,A-1,Ida,ida@a.example,champion; admin\n"
    reading = read(accounts=ACCOUNTS, scores=scores, people=people)
    assert [(fact.metric, fact.value) for fact, _ in facts(reading, MetricFact)] == [("nps", 9), ("csat", None)]
    ida = [fact for fact, _ in facts(reading, ContactFact) if fact.key == "p1"]
    assert ida[0].roles == ("champion", "admin")


def test_an_id_said_again_is_a_warning_that_names_both_lines():
    subs = SUBS + "s1,A-1,2024-02-01,2024-04-01,1200\ns1,B 2,2024-02-01,2024-04-01,1200\n"
    reading = read(accounts=ACCOUNTS, subs=subs)
    assert reading.repeats == {"subs": 2}
    assert [(problem.severity, problem.spot.line) for problem in reading.problems] == [("warning", 4), ("warning", 5)]
    assert "line 2 as well, with the same content" in reading.problems[0].message
    assert "line 2 as well, with other content; line 2 counts" in reading.problems[1].message
    assert len(facts(reading, RecordFact)) == 3


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("A-3,C,small,five,TRUE,2024-03-01,", "seats", "not a number"),
        ("A-3,C,small,1e999,TRUE,2024-03-01,", "seats", "not a number"),
        ('A-3,C,small,"1,000",TRUE,2024-03-01,', "seats", "not a number"),
        ("A-3,C,small,nan,TRUE,2024-03-01,", "seats", "not a number"),
        ("A-3,C,small,5,maybe,2024-03-01,", "vip", "neither yes nor no"),
        ("A-3,C,tiny,5,TRUE,2024-03-01,", "segment", "not one of its words"),
        ("A-3,C,small,5,TRUE,01/03/2024,", "since", "not a date"),
        ("A-3,C,small,5,TRUE,2024-02-30,", "since", "not a date"),
        ("A-3,C,small,5,TRUE,0024-03-01,", "since", "outside of 1900"),
        (",C,small,5,TRUE,2024-03-01,", "key", "empty"),
        ("A-3,C,small", "", "3 cells"),
        ("A-3,C\0,small,5,TRUE,2024-03-01,", "name", "NUL"),
    ],
)
def test_a_broken_row_is_named_with_line_and_column_and_the_others_are_read(row, column, words):
    reading = read(accounts=f"{ACCOUNTS}{row}\nA-4,D,small,1,no,2024-03-01,\n")
    ((file, line, path, message),) = problems(reading)
    assert (file, line, path) == ("accounts.csv", 4, column)
    assert words in message
    assert [fact.key for fact, _ in facts(reading, AccountFact)] == ["A-1", "B 2", "A-4"]


def test_a_record_that_ends_before_it_starts_is_broken():
    reading = read(accounts=ACCOUNTS, subs="sub,customer,start,end,arr\ns1,A-1,2024-02-01,2024-01-01,1\n")
    assert problems(reading) == [("subs.csv", 2, "end", "this ends before it starts")]


def test_a_missing_column_is_named_once():
    reading = read(accounts="key,name\nA-1,Acme\nA-2,Beta\n")
    assert [path for _, _, path, _ in problems(reading)] == ["since", "segment", "seats", "vip", "zone"]
    assert reading.facts == []


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("", "", "the file is empty"),
        ("key;name;segment;seats;vip;since;zone\nA-1;Acme;small;1;no;2024-03-01;\n", "", "by semicolons"),
        ("key\tname\nA-1\tAcme\n", "", "by tabs"),
        ("key,name,name,segment,seats,vip,since,zone\nA-1,A,B,small,1,no,2024-03-01,\n", "name", "two columns"),
    ],
)
def test_a_first_line_that_names_no_columns_is_one_problem(text, path, words):
    reading = read(accounts=text)
    ((file, line, where, message),) = problems(reading)
    assert (file, line, where) == ("accounts.csv", 1, path)
    assert words in message
    assert reading.facts == []


def test_lines_are_counted_over_cells_with_line_breaks():
    text = 'key,name,segment,seats,vip,since,zone\nA-1,"Ac\nme",small,1,no,2024-03-01,\nA-2,B,small,x,no,2024-03-01,\n'
    assert [line for _, line, _, _ in problems(read(accounts=text))] == [4]


@given(st.text(max_size=200))
def test_no_text_is_too_odd_to_be_a_file(text):
    read(accounts=text, subs=text, usage=text)


@given(st.lists(st.lists(st.text(max_size=12), min_size=7, max_size=7), max_size=4))
def test_no_cell_is_too_odd_to_be_read(rows):
    quoted = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    reading = read(accounts="key,name,segment,seats,vip,since,zone\n" + quoted)
    assert len(facts(reading, AccountFact)) <= len(rows)
