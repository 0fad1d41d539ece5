"""The page behind a survey's link, as customers and their mail scanners meet it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.workspace import load_workspace
from store import clock, schema
from store.deploying.deploy import deploy
from store.responses import surveys
from store.responses.links import Links, own_key
from tests.store.book import NOW

WORKSPACE = b"name: Corp <&>\nmetrics: { nps: number }\n"


@pytest.fixture
def link(engine, in_book):
    """Makes a survey, and gives the path of its link."""
    with engine.begin() as conn:
        clock.set_virtual(conn, NOW)
        deploy(conn, load_workspace({"tenure.yaml": WORKSPACE}), [], NOW)

    def make(asks="nps", question="Would you recommend us? <b>", days=14):
        def write(book):
            account = book.account()
            run = book.run(account)
            contact = book.contact(account)
            question_ = surveys.Question(
                run_id=run,
                step="nps",
                visit=1,
                account_id=account,
                contact_id=contact,
                address="ann@acme.test",
                asks=asks,
                question=question,
                closes_at=NOW + timedelta(days=days),
            )
            survey_id = surveys.ask(book.conn, question_, NOW)
            return Links(public_url="", key=own_key(book.conn)).survey(survey_id)

        return in_book(write)

    return make


def answers(engine):
    with engine.connect() as conn:
        return conn.execute(sa.select(schema.survey.c.score, schema.survey.c.comment)).all()


def test_opening_a_link_shows_the_question_with_its_score_chosen_and_changes_nothing(client, engine, link):
    path = link()
    for _ in range(2):
        page = client.get(f"{path}?score=9")
    assert page.status_code == 200
    assert "Would you recommend us? &lt;b&gt;" in page.text
    assert 'value="9" required checked' in page.text
    assert page.text.count("checked") == 1
    assert page.text.count('type="radio"') == 11
    assert page.headers["x-robots-tag"] == "noindex"
    assert 'href="/tasks"' not in page.text, "customers see nothing of ours"
    assert answers(engine) == [(None, None)]


@pytest.mark.parametrize("score", ["", "11x", "-1", "99", "٣", "9&comment=x"])
def test_any_score_in_the_address_leads_to_the_question(client, link, score):
    page = client.get(f"{link()}?score={score}")
    assert page.status_code == 200
    assert page.text.count('type="radio"') == 11


def test_sending_records_the_answer(client, engine, link):
    path = link()
    page = client.post(path, data={"score": "9", "comment": "It <works>"})
    assert (page.status_code, "Thank you" in page.text) == (200, True)
    assert answers(engine) == [(9, "It <works>")]
    assert "Your answer is 9" in client.get(f"{path}?score=2").text
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.event.c.props)).scalar_one()["score"] == 9


def test_the_same_again_is_fine_and_another_score_is_refused_clearly(client, engine, link):
    path = link()
    client.post(path, data={"score": "9"})
    assert client.post(path, data={"score": "9", "comment": "since"}).status_code == 200
    page = client.post(path, data={"score": "2"})
    assert (page.status_code, "answered already" in page.text) == (409, True)
    assert answers(engine) == [(9, "since")]


@pytest.mark.parametrize(("asks", "score"), [("nps", "11"), ("csat", "0"), ("csat", "6"), ("nps", ""), ("nps", "x")])
def test_what_is_no_score_is_asked_again(client, engine, link, asks, score):
    page = client.post(link(asks), data={"score": score})
    assert (page.status_code, "Please choose a score" in page.text) == (422, True)
    assert answers(engine) == [(None, None)]


def test_a_form_without_anything_in_it_is_asked_again(client, link):
    assert client.post(link()).status_code == 422


def test_a_survey_that_is_over_says_so(client, engine, link):
    path = link(days=0)
    for page in (client.get(path), client.post(path, data={"score": "9"})):
        assert (page.status_code, "is over" in page.text) == (410, True)
    assert answers(engine) == [(None, None)]


@pytest.mark.parametrize(
    "forge",
    [
        # Not the last letter: some of its bits mean nothing.
        lambda token: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
        lambda token: token[:10],
        lambda token: "2" + token[1:],
        lambda token: token + "A" * 500,
        lambda _: "x",
        lambda _: "%00",
        lambda _: "ü" * 20,
        lambda _: '"><script>',
    ],
)
def test_a_link_we_did_not_make_leads_nowhere(client, engine, link, forge):
    prefix, _, token = link().rpartition("/")
    for page in (client.get(f"{prefix}/{forge(token)}"), client.post(f"{prefix}/{forge(token)}", data={"score": "9"})):
        assert page.status_code in (400, 404, 405)
        assert "Traceback" not in page.text
        assert "<script>" not in page.text
    assert answers(engine) == [(None, None)]


def test_a_link_for_another_purpose_or_by_another_key_leads_nowhere(client, engine, link):
    from itsdangerous import URLSafeSerializer

    link()
    with engine.begin() as conn:
        key = own_key(conn)
    for made in (URLSafeSerializer(key, salt="tenure.unsubscribe"), URLSafeSerializer("k" * 32, salt="tenure.survey")):
        assert client.get(f"/s/{made.dumps(1)}").status_code == 404


@pytest.mark.parametrize("comment", ["x" * 4001, "a\x00b"])
def test_a_comment_that_cannot_be_kept_is_refused(client, engine, link, comment):
    page = client.post(link(), data={"score": "9", "comment": comment})
    assert page.status_code == 422
    assert answers(engine) == [(None, None)]


def test_links_by_a_key_of_the_settings_hold_in_an_app_with_that_key(engine, link):
    from starlette.testclient import TestClient

    from tests.web.signed_in import alive
    from web.app import create_app
    from web.deps import WebDeps

    link()
    with engine.connect() as conn:
        survey_id = conn.execute(sa.select(schema.survey.c.id)).scalar_one()
    path = Links(public_url="", key="s" * 40).survey(survey_id)
    with TestClient(create_app(WebDeps(engine=engine, temporal_answers=alive, signing_key="s" * 40))) as other:
        assert other.get(path).status_code == 200
