import json
from pathlib import Path

import pytest

from engine.problems import DocumentError
from engine.workspace import OneOf, Workspace, load_workspace

CARD = b"""
scorecard: health
components: [{ id: a, metric: nps, scale: { 0: 0, 10: 100 }, weight: 1 }]
bands: { red: 0..<50, green: 50..100 }
"""


def load(text, **cards) -> Workspace:
    return load_workspace(
        {"tenure.yaml": text.encode(), **{f"scorecards/{name}.yaml": card for name, card in cards.items()}}
    )


def problems(text, **cards):
    with pytest.raises(DocumentError) as caught:
        load(text, **cards)
    return caught.value.problems


def messages(text, **cards):
    return "\n".join(map(str, problems(text, **cards)))


def test_a_name_is_all_a_workspace_needs():
    workspace = load("name: W\n")
    assert (workspace.zone, workspace.roles.staff) == ("UTC", {"csm": "account.csm"})
    assert "account.arr" in workspace.catalogue().fields


def test_a_folder_without_tenure_yaml_is_no_workspace():
    with pytest.raises(DocumentError, match="no such file"):
        load_workspace({"scorecards/health.yaml": CARD})


def test_the_catalogue_holds_what_is_declared_computed_pushed_and_scored():
    workspace = load(
        """
name: W
fields:
  account.segment: { type: choice, of: [small, large], says: how large }
  account.last_qbr: date
  account.arr: { from: sum(subscription.arr where active) }
records: { subscription: { arr: number } }
events: { usage: { n: number }, login: }
metrics: { nps: number, uses: "sum(event.usage.n, 30 days)" }
""",
        health=CARD,
    )
    fields = workspace.catalogue().fields
    assert fields["account.segment"].options == ("small", "large")
    assert fields["account.last_qbr"].type == "date"
    assert fields["metric.nps"].type == fields["metric.uses"].type == fields["health.score"].type == "number"
    assert fields["health.band"].options == ("red", "green")
    assert fields["health.since"].type == "instant"
    assert workspace.catalogue().events["login"].props is None
    told = {field.name for field in workspace.told()}
    assert {"account.segment", "metric.nps"} <= told
    assert not told & {"account.arr", "metric.uses", "health.score"}


def test_computed_values_stand_in_an_order_in_which_each_finds_what_it_needs():
    workspace = load(
        """
name: W
metrics:
  c: metric.b + account.arr
  b: metric.a * 2
  a: number
fields:
  account.arr: { from: metric.b }
"""
    )
    assert [one.name for one in workspace.computed] == ["metric.b", "account.arr", "metric.c"]


def test_values_that_need_each_other_in_a_circle_are_refused():
    text = "name: W\nmetrics:\n  a: metric.b + 1\n  b: metric.c\n  c: metric.a\n  d: number\n"
    found = problems(text)
    assert [problem.spot.line for problem in found] == [3, 4, 5]
    assert all("circle" in problem.message for problem in found)


def test_a_choice_may_be_worked_out_case_by_case():
    workspace = load(
        """
name: W
records: { subscription: { arr: number } }
fields:
  account.lifecycle: { from: { churned: count(subscription) == 0, live: count(subscription where active) > 0 } }
  account.size: { type: choice, from: { large: account.arr > 5, small: account.arr <= 5 } }
"""
    )
    fields = workspace.catalogue().fields
    assert fields["account.size"].options == ("large", "small")
    assert "onboarding" in fields["account.lifecycle"].options
    assert [case for case, _ in workspace.computed[0].cases] == ["churned", "live"]


def test_cards_of_one_id_are_variants_tried_in_the_order_of_their_files():
    first = CARD.replace(b"components", b'applies_to: account.name == "x"\ncomponents')
    workspace = load("name: W\nmetrics: { nps: number }\n", b_rest=CARD, a_first=first)
    assert [card.applies_to is None for card in workspace.cards()["health"]] == [False, True]
    assert "never scores" in messages("name: W\nmetrics: { nps: number }\n", a=CARD, b=first)


def test_a_workspace_comes_back_from_json_as_it_was():
    workspace = load_example()
    assert Workspace.from_json(json.loads(json.dumps(workspace.to_json()))) == workspace


def load_example() -> Workspace:
    folder = Path(__file__).parents[3] / "examples" / "ravenstack"
    files = [folder / "tenure.yaml", *(folder / "scorecards").glob("*.yaml")]
    return load_workspace({str(file.relative_to(folder)): file.read_bytes() for file in files})


def test_a_changed_copy_is_known_by_a_hash_and_a_catalogue_of_its_own():
    whole = load("name: W\nmetrics: { nps: number }\n", health=CARD)
    assert "health.score" in whole.catalogue().fields
    known_by = whole.hash
    small = whole.model_copy(update={"scorecards": ()})
    assert small.hash not in {known_by, ""}
    assert "health.score" not in small.catalogue().fields
    assert (whole.hash, whole.model_copy().hash) == (known_by, known_by)


def test_the_ravenstack_example_loads_and_makes_up_people_openly():
    workspace = load_example()
    assert workspace.generate.fields == {"account.csm": OneOf(one_of=("ada", "ben", "chi", "dana"))}
    assert {one.name for one in workspace.imports} == {"accounts", "subscriptions", "tickets", "usage", "churn"}
    usage = next(one for one in workspace.imports if one.name == "usage")
    assert usage.account is not None
    assert (usage.account.via, usage.account.key, usage.account.column) == (
        "subscriptions",
        "subscription_id",
        "account_id",
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("zone: UTC", 1, "name"),
        ("name: W\nzone: Mars/Base", 2, "not a time zone"),
        ("name: W\ncolour: red", 2, "colour"),
        ("name: W\nfields: { segment: text }", 2, "segment"),
        ("name: W\nfields: { account.x: {} }", 2, "needs a type"),
        ("name: W\nfields: { account.x: choice }", 2, "needs its words"),
        ("name: W\nfields: { account.x: colour }", 2, "colour"),
        ("name: W\nfields:\n  account.arr: { from: account.nmae }", 3, "account.nmae"),
        ("name: W\nfields:\n  account.arr: { from: account.name }", 3, ""),
        ("name: W\nfields:\n  account.arr: { from: { a: account.arr > 1 } }", 3, "cases give words"),
        ("name: W\nfields:\n  account.lifecycle: { from: { gone: account.arr > 1 } }", 3, "not one of its words"),
        ("name: W\nmetrics:\n  x: account.name", 3, ""),
        ("name: W\nmetrics:\n  x: count(event.nothing)", 3, "nothing"),
        ("name: W\nrecords: { visit: { start: date } }", 2, "its own"),
        ("name: W\nfeeds: { usage: { stale_after: 3 days } }", 2, "usage"),
        ("name: W\nevents: { usage: }\nfeeds: { usage: { stale_after: 1 month } }", 3, "depends on the date"),
        ("name: W\nroles: { contacts: { champion: [champoin] } }", 2, "champoin"),
        ("name: W\nroles: { staff: { boss: somebody } }", 2, "does not say who"),
        ("name: W\nroles: { staff: { boss: manager of csm } }", 2, "no staff role"),
        ("name: W\npeople: [{ key: a, name: A }, { key: a, name: B }]", 2, "listed before"),
        ("name: W\npeople: [{ key: a, name: A, manager: z }]", 2, "among the people"),
        ("name: W\ngenerate: { fields: { account.cms: x } }", 2, "account.cms"),
        ("name: W\nconnectors: { email: { host: x } }", 2, "which provider"),
        ("name: W\nconnectors: { email: { provider: smtp, password: hunter2 } }", 2, "secret"),
        ("name: W\nreminders: { channel: team }", 2, 'no chat connector "team"'),
        ("name: W\nreminders: { channel: tean }\nconnectors: { team: { kind: chat } }", 2, 'did you mean "team"'),
        ("name: W\nmail: { window: { opens: '08:00', closes: '08:00' } }", 2, "never opens"),
        ("name: W\nmail: { window: { opens: '8', closes: '17:00' } }", 2, "expected a time of day"),
        ("name: W\ncalendar: { country: Germany }", 2, "not a country"),
        ("name: W\ncalendar: { weekend: [fryday] }", 2, "not a day"),
        ("name: W\nimports: { a: { file: ../secret.csv, as: account, id: x } }", 2, "folder"),
        ("name: W\nimports: { a: { file: /etc/passwd, as: account, id: x } }", 2, "expected a path inside the folder"),
        ("name: W\nimports: { a: { file: a.csv, as: gossip, id: x } }", 2, "record NAME or event NAME"),
        ("name: W\nimports: { a: { file: a.csv, as: event usage, account: x, at: y } }", 2, 'no event "usage"'),
        ("name: W\nimports: { a: { file: a.csv, as: account } }", 2, "need id:"),
        (
            "name: W\nimports: { a: { file: a.csv, as: account, id: x, fields: { account.nmae: n } } }",
            2,
            "account.nmae",
        ),
        (
            "name: W\nevents: { e: }\nimports: { a: { file: a.csv, as: event e, account: via b.c, at: y } }",
            3,
            'no import "b"',
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_place(text, line, words):
    found = problems(text + "\n")
    assert words in "\n".join(map(str, found))
    assert found[0].spot.line == line


def test_a_secret_is_the_name_of_an_environment_variable():
    settings = "provider: smtp, host: mail.example, port: 587, tls: true, password_env: SMTP_PASSWORD"
    connector = load(f"name: W\nconnectors: {{ email: {{ {settings} }} }}\n").connectors["email"]
    assert connector.provider == "smtp"
    assert connector.settings == {"host": "mail.example", "port": 587, "tls": True, "password_env": "SMTP_PASSWORD"}


def test_all_problems_of_all_files_come_at_once():
    text = "name: W\nmetrics: { nps: number, a: account.nope }\nfeeds: { x: { stale_after: 1 day } }\n"
    bad = CARD.replace(b"nps", b"nsp")
    found = problems(text, health=bad, other=b"a: [\n")
    assert {problem.spot.file for problem in found} == {
        "tenure.yaml",
        "scorecards/health.yaml",
        "scorecards/other.yaml",
    }
    assert len(found) >= 4
