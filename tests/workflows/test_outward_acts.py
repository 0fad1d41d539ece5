"""What acts that reach outward write: to whom, in which words and whose name, and what keeps them from it."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, ContactFact, PersonFact
from engine.texts.document import MailText
from store import clock, schema
from store.inbox import tasks
from store.responses import surveys
from store.responses.links import click_of, survey_of
from store.running import runs
from tests.mailing import NOW
from tests.workflows.outward import KEY, WORKSPACE, Stage


@pytest.fixture
def stage(database):
    return Stage(database)


# --- recipients, names, languages


def test_a_role_means_one_person_and_all_of_it_one_mail_each(stage):
    stage.perform("email", "one", **stage.mail_params())
    stage.perform("email", "each", **stage.mail_params(to="admin", mode="all"))
    assert [(one["step"], one["to_address"]) for one in stage.mails()] == [
        ("one", "ann@acme.test"),
        ("each", "bob@acme.test"),
        ("each", "cleo@acme.test"),
    ]


def test_a_person_who_is_listed_twice_gets_one_mail(stage):
    twin = ContactFact(account=stage.key, key="zed", name="Bob again", email="BOB@acme.test", roles=("admin",))
    stage.tell(twin)
    stage.perform("email", "each", **stage.mail_params(to="admin", mode="all"))
    assert [one["to_address"] for one in stage.mails()] == ["bob@acme.test", "cleo@acme.test"]


def test_in_a_colleagues_name_means_name_and_replies_but_our_address(stage):
    stage.perform("email", "plain", **stage.mail_params())
    stage.perform("email", "named", **stage.mail_params(**{"from": "csm"}))
    plain, named = stage.mails()
    assert (plain["from_name"], plain["reply_to"]) == ("Corp Success", "desk@corp.test")
    assert (named["from_name"], named["from_address"], named["reply_to"]) == (
        "Kim Lund",
        "success@corp.test",
        "kim@corp.test",
    )
    assert "From Kim to" in named["plain"]


def test_each_reads_their_own_language_and_the_account_decides_for_those_who_have_none(stage):
    stage.perform("email", "before", **stage.mail_params(to="admin", mode="all"))
    stage.tell(AccountFact(key=stage.key, fields={"locale": "de_AT"}))
    stage.perform("email", "after", **stage.mail_params(to="admin", mode="all"))
    assert [one["subject"] for one in stage.mails()] == ["Hallo Bob", "Hello Cleo", "Hallo Bob", "Hallo Cleo"]
    assert ['<html lang="de"' in one["html"] for one in stage.mails()] == [True, False, True, True]


# --- review


def reviewed(stage, outcome="send", edited=None):
    stage.perform("draft", "hello", **stage.mail_params(review="csm"))
    (task,) = stage.rows(schema.task)
    with stage.engine.begin() as conn:
        return task, tasks.complete(conn, task["id"], outcome, None, "kim", NOW, edited=edited)


def test_a_reviewer_gets_the_filled_in_draft_as_a_task_and_nothing_leaves_before(stage):
    task, _ = reviewed(stage)
    (draft,) = stage.rows(schema.draft)
    assert (task["assignee"], task["outcomes"], task["title"]) == ("kim", ["send", "drop"], "Review the mail to Ann Ex")
    assert (draft["subject"], draft["body"]) == ("Hello Ann", "From *Corp* to Acme \\[GmbH\\].\n")
    assert stage.mails() == []
    told = [fact["values"] for fact in stage.post.told(stage.run_id)]
    assert told == [{"visit": 1, "outcome": "send", "by": "kim", "task": task["id"]}]


def test_what_is_approved_is_sent_as_it_was_shown(stage):
    reviewed(stage)
    stage.pass_time(NOW + timedelta(minutes=1))
    stage.tell(AccountFact(key=stage.key, fields={"name": "Other"}))
    stage.perform("email", "hello", **stage.mail_params(reviewed=True))
    (mail,) = stage.mails()
    assert (mail["to_address"], mail["subject"]) == ("ann@acme.test", "Hello Ann")
    assert "to Acme [GmbH]." in mail["plain"]


def test_what_is_edited_is_sent_as_it_was_left_and_is_no_template_any_more(stage):
    _, answer = reviewed(stage, edited=tasks.Edit(body="Dear {{ account.name }},\n\n**soon** {% if %}.\n"))
    assert isinstance(answer, tasks.Completed)
    stage.perform("email", "hello", **stage.mail_params(reviewed=True))
    (mail,) = stage.mails()
    assert (mail["subject"], mail["plain"].partition("\n--")[0].strip()) == (
        "Hello Ann",
        "Dear {{ account.name }},\n\nsoon {% if %}.",
    )


@pytest.mark.parametrize(
    "edited",
    [
        tasks.Edit(subject=""),
        tasks.Edit(subject="two\nlines"),
        tasks.Edit(body="  \n"),
        tasks.Edit(body="[here](javascript:alert(1))"),
    ],
    ids=str,
)
def test_an_edit_that_is_no_mail_is_refused_and_changes_nothing(stage, edited):
    task, answer = reviewed(stage, edited=edited)
    assert isinstance(answer, tasks.Refused)
    assert answer.kind == "bad_edit"
    assert [one["state"] for one in stage.rows(schema.task)] == ["open"]
    assert stage.rows(schema.draft)[0]["edited_by"] is None
    assert task["state"] == "open"


def test_other_tasks_have_nothing_to_edit(stage):
    stage.perform("task", "call", title="Call", description="", assign="csm", due=None, checklist=[], outcomes=["done"])
    (task,) = stage.rows(schema.task)
    with stage.engine.begin() as conn:
        answer = tasks.complete(conn, task["id"], "done", None, "kim", NOW, edited=tasks.Edit(body="x"))
    assert isinstance(answer, tasks.Refused)


# --- colleagues


def test_a_colleague_is_mailed_once_whatever_became_of_the_run(stage):
    text = "{{ account.name }} did not answer.\n\nPlease *call*."
    for _ in range(2):
        receipt = stage.perform("notify", "tell", to="csm", by="mail", text=text)
    assert (receipt.outcome, receipt.values["outcome"]) == ("done", "queued")
    with stage.engine.begin() as conn:
        runs.end(conn, stage.run_id, outcome="goal", reason="goal reached", at=NOW)
    stage.send()
    (mail,) = stage.mails()
    assert (mail["state"], mail["to_address"], mail["category"]) == ("sent", "kim@corp.test", "internal")
    assert mail["subject"] == "Acme [GmbH]: Acme [GmbH] did not answer."
    assert "Please call." in mail["plain"]
    assert stage.post.told(stage.run_id) == [], "nobody waits for it"


@pytest.mark.parametrize(("role", "why"), [("csm.manager", "Lee Park has no mail address"), ("csm", "nobody is csm")])
def test_nobody_to_tell_is_an_outcome(stage, role, why):
    if role == "csm":
        with stage.engine.begin() as conn:
            conn.execute(sa.delete(schema.person).where(schema.person.c.key == "kim"))
    receipt = stage.perform("notify", "tell", to=role, by="mail", text="x")
    assert (receipt.outcome, receipt.values) == ("skipped", {"outcome": "skipped"})
    assert why in receipt.reason


@pytest.mark.parametrize("how", ["moved", "gone"])
def test_mail_to_a_colleague_who_has_moved_or_gone_does_not_leave(stage, how):
    stage.perform("notify", "tell", to="csm", by="mail", text="x")
    if how == "moved":
        stage.tell(PersonFact(key="kim", name="Kim Lund", email="new@corp.test"))
    else:
        with stage.engine.begin() as conn:
            conn.execute(sa.delete(schema.person).where(schema.person.c.key == "kim"))
    stage.send()
    assert [(one["state"], one["reason"]) for one in stage.mails()] == [
        ("skipped", "the address is no longer the colleague's")
    ]


def test_a_channel_is_told_in_the_words_of_the_moment(stage):
    stage.perform("notify", "tell", to="team", by="chat", text="{{ account.name }}\nis at risk.")
    (errand,) = stage.rows(schema.errand)
    assert (errand["kind"], errand["connector"], errand["body"]) == (
        "chat",
        "team",
        {"text": "Acme [GmbH]\nis at risk."},
    )


def test_a_request_holds_what_the_author_wrote_in_that_order(stage):
    params = {
        "to": "crm",
        "order": ["zeta", "arr", "name", "fixed"],
        "templates": {"zeta": True, "name": "{{ account.name }}", "fixed": 3},
        "values": {"arr": None},
        "returns": {},
        "resend_once": True,
    }
    stage.perform("webhook", "crm", **params)
    (errand,) = stage.rows(schema.errand)
    assert errand["body"] == {"zeta": True, "arr": None, "name": "Acme [GmbH]", "fixed": 3}
    assert (errand["resends"], errand["state"]) == (1, "prepared")


def test_a_missing_value_is_a_failure_and_orders_nothing(stage):
    params = {"to": "crm", "order": ["x"], "templates": {"x": "{{ account.country }}"}, "values": {}, "returns": {}}
    receipt = stage.perform("webhook", "crm", **params, resend_once=False)
    assert (receipt.outcome, stage.rows(schema.errand)) == ("failed", [])


# --- surveys


def asked(stage, step="nps", run_id=None, **changes):
    params = stage.mail_params(**changes) | {"asks": "nps", "up_to": "14 days"}
    return stage.perform("survey", step, run_id=run_id, **params)


def test_a_survey_is_a_mail_with_a_signed_link_for_each_score(stage):
    assert asked(stage).values["outcome"] == "queued"
    (mail,), (survey,) = stage.mails(), stage.rows(schema.survey)
    links = [line.partition(": ")[2] for line in mail["plain"].splitlines() if "https://corp.example/s/" in line]
    assert len(links) == 11
    tokens = {link.partition("/s/")[2].partition("?")[0] for link in links}
    assert [survey_of(token, KEY) for token in tokens] == [survey["id"]]
    assert links[9].endswith("?score=9")
    assert all(link in mail["html"] for link in links)
    assert "How likely are you to recommend us" in mail["html"]


def test_an_answer_becomes_metric_and_event_and_is_told(stage):
    asked(stage)
    with stage.engine.begin() as conn:
        survey_id = conn.execute(sa.select(schema.survey.c.id)).scalar_one()
        answer = surveys.answer(conn, survey_id, 9, "Great", stage.workspace, NOW + timedelta(days=1))
    assert answer == surveys.Thanks(score=9)
    (event,) = stage.rows(schema.event)
    assert (event["type"], event["props"]) == ("survey.answered", {"survey": "nps", "step": "nps", "score": 9})
    values = [one["value"] for one in stage.rows(schema.account_value) if one["field"] == "metric.nps"]
    assert values == [9]
    told = [fact for fact in stage.post.told(stage.run_id) if fact["kind"] == "task"]
    assert told == [{"kind": "task", "of": "nps", "values": {"visit": 1, "outcome": "answered", "score": 9}}]


@pytest.mark.parametrize(
    ("score", "days", "answer"),
    [
        (11, 1, surveys.NotTaken(why="out_of_scale")),
        (-1, 1, surveys.NotTaken(why="out_of_scale")),
        (9, 43, surveys.Thanks(score=9)),
        (9, 44, surveys.NotTaken(why="closed")),
    ],
)
def test_answers_are_taken_on_the_scale_and_in_time(stage, score, days, answer):
    asked(stage)
    with stage.engine.begin() as conn:
        survey_id = conn.execute(sa.select(schema.survey.c.id)).scalar_one()
        at = NOW + timedelta(days=days)
        assert surveys.answer(conn, survey_id, score, "", stage.workspace, at) == answer
    assert len(stage.rows(schema.event)) == isinstance(answer, surveys.Thanks)


def test_the_first_score_stands_and_saying_it_again_is_fine(stage):
    asked(stage)
    with stage.engine.begin() as conn:
        survey_id = conn.execute(sa.select(schema.survey.c.id)).scalar_one()

        def answer(score, comment=""):
            return surveys.answer(conn, survey_id, score, comment, stage.workspace, clock.now(conn))

        assert answer(9) == surveys.Thanks(score=9)
        assert answer(9, "since it works") == surveys.Thanks(score=9, repeated=True)
        assert answer(2) == surveys.NotTaken(why="answered", score=9)
    (survey,) = stage.rows(schema.survey)
    assert (survey["score"], survey["comment"]) == (9, "since it works")
    assert len(stage.rows(schema.event)) == 1


def test_a_person_is_asked_again_only_after_the_time_that_the_workspace_sets(stage):
    assert asked(stage).values["outcome"] == "queued"
    stage.send()
    again = asked(stage, "again")
    assert (again.outcome, again.reason) == ("skipped", "asked within 90 days already")
    assert asked(stage, "other", to="admin").values["outcome"] == "queued", "another person"
    stage.pass_time(NOW + timedelta(days=91))
    assert asked(stage, "later").values["outcome"] == "queued"


def test_the_same_person_at_another_account_was_asked_as_well(stage):
    asked(stage)
    other = stage.post.run(playbook="elsewhere")
    stage.post.contact(other, email="ANN@acme.test")
    assert asked(stage, run_id=other, to="any").outcome == "skipped"


def test_a_question_whose_mail_never_left_was_not_put(stage):
    asked(stage)
    with stage.engine.begin() as conn:
        conn.execute(sa.update(schema.contact).values(do_not_contact=True))
    stage.send()
    assert [one["state"] for one in stage.mails()] == ["skipped"]
    assert asked(stage, "again").values["outcome"] == "queued"


def test_a_text_that_cannot_be_filled_in_asks_nobody(stage):
    with stage.engine.begin() as conn:
        text = {"subject": "x", "preheader": "", "category": "service", "body": "{{ account.country }}"}
        conn.execute(sa.insert(schema.text).values(hash="broken", content=text))
    receipt = asked(stage, text="broken", translations={})
    assert receipt.outcome == "failed"
    assert stage.rows(schema.survey) == []


def house(database, workspace, *texts):
    stage = Stage(database, workspace)
    with stage.engine.begin() as conn:
        for one in texts:
            conn.execute(sa.insert(schema.text).values(hash=one.hash, content=one.model_dump(mode="json")))
    return stage


LINKED = MailText(subject="x", body="[Open](https://app.corp.example/?a=1&b=2) or [write](mailto:desk@corp.test)\n")


def test_links_lead_past_us_where_the_workspace_says_so_and_never_those_of_a_survey(database):
    stage = house(database, WORKSPACE.replace(b"mail: {", b"mail: { track_clicks: true,"), LINKED)
    params = stage.mail_params(text=LINKED.hash, translations={})
    stage.perform("email", "tracked", **params)
    stage.perform("survey", "asked", **params, asks="csat", up_to="14 days")
    tracked, asked = stage.mails()
    (token,) = re.findall(r'href="https://corp\.example/l/([^"]+)"', tracked["html"])
    click = click_of(token, KEY)
    assert click is not None
    assert (click.message_id, click.target) == (tracked["message_id"], "https://app.corp.example/?a=1&b=2")
    assert "Open <https://app.corp.example/?a=1&b=2>" in tracked["plain"]
    assert asked["html"].count("https://corp.example/l/") == 1
    assert asked["html"].count("https://corp.example/s/") == 5


def test_links_are_left_alone_and_replies_go_to_people_where_nobody_says_otherwise(database):
    stage = house(database, WORKSPACE, LINKED)
    stage.perform("email", "plain", **stage.mail_params(text=LINKED.hash, translations={}))
    (plain,) = stage.mails()
    assert "/l/" not in plain["html"]
    assert plain["replies_to"] is None


def test_each_mail_has_an_address_of_its_own_for_replies_beside_the_person(database):
    replies = b"replies: { kind: replies, provider: imap, address: reply@in.corp.test }"
    stage = house(database, WORKSPACE.replace(b"connectors:\n", b"connectors:\n  " + replies + b"\n"))
    stage.perform("email", "one", **stage.mail_params(to="admin", mode="all"))
    one, other = stage.mails()
    assert re.fullmatch(r"reply\+[a-z2-7]{32}@in\.corp\.test", one["replies_to"])
    assert one["replies_to"] != other["replies_to"]
    assert (one["reply_to"], other["reply_to"]) == ("desk@corp.test", "desk@corp.test")
