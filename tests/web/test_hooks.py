"""SendGrid's events over HTTP: who may tell, what is answered, and what is known afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from connectors.email.sendgrid import SendGridSettings, SendGridTransport
from connectors.errors import Misconfigured
from store import clock, schema
from tests.connectors.sendgrid_account import KEY, Account
from tests.connectors.sendgrid_posts import VERIFICATION_KEY, event, post, signed
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE
from tests.web.signed_in import alive
from web.app import create_app
from web.bodies import EVENTS_BODY
from web.deps import WebDeps
from workflows.mail_stream import Counts, MailStream


@pytest.fixture
def mails(engine):
    with engine.begin() as conn:
        clock.now(conn)
    return Post(engine)


@pytest.fixture
def opened(engine):
    """A client whose web has this key; `token` for the JSON API."""

    def opened(key=lambda: VERIFICATION_KEY, **more):
        app = create_app(WebDeps(engine=engine, temporal_answers=alive, sendgrid_key=key, **more))
        return TestClient(app, raise_server_exceptions=False)

    return opened


def tell(client, body, at=None, **headers):
    return client.post("/hooks/sendgrid", content=body, headers=signed(body, at or datetime.now(UTC)) | headers)


def name_of(mails, mail_id):
    return mails.find(mail_id).message_id.strip("<>")


def known(engine):
    with engine.begin() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(schema.mail_event)).scalar_one()


def test_events_are_kept_once_and_settle_what_was_unknown(mails, opened, engine):
    mail_id = mails.mail()
    mails.change(schema.mail, mail_id, state="unknown")
    body = post(
        event("delivered", name_of(mails, mail_id)), event("delivered", "of@another.test", "e2"), {"event": "x"}
    )
    client = opened()
    first, again = tell(client, body), tell(client, body)
    assert first.status_code == again.status_code == 200
    assert first.json() == {"new": 1, "repeats": 0, "strangers": 1, "settled": 1, "told": 0}
    assert again.json() == {"new": 0, "repeats": 1, "strangers": 1, "settled": 0, "told": 0}
    assert mails.find(mail_id).state == "sent"
    assert known(engine) == 1
    metrics = client.get("/metrics").text
    for became, count in (("new", 1), ("repeats", 1), ("strangers", 2), ("ignored", 2), ("settled", 1)):
        assert f'tenure_mail_events_total{{became="{became}",provider="sendgrid"}} {count}.0' in metrics
    assert 'route="/hooks/sendgrid"' in metrics


def test_a_redelivery_of_yesterday_is_taken(mails, opened):
    body = post(event("delivered", name_of(mails, mails.mail())))
    assert tell(opened(), body, datetime.now(UTC) - timedelta(hours=24)).json()["new"] == 1


@pytest.mark.parametrize(
    ("body", "headers", "at", "status"),
    [
        (post(event()), {"X-Twilio-Email-Event-Webhook-Signature": "AAAA"}, timedelta(0), 403),
        (post(event()), {"X-Twilio-Email-Event-Webhook-Timestamp": "1"}, timedelta(0), 403),
        (post(event()), {}, timedelta(hours=-30), 403),
        (post(event()), {}, timedelta(hours=1), 403),
        (b"{}", {}, timedelta(0), 400),
        (b"[{", {}, timedelta(0), 400),
        (b"", {}, timedelta(0), 400),
        (b" " * (EVENTS_BODY + 1), {}, timedelta(0), 413),
    ],
    ids=["signature", "timestamp", "too old", "ahead", "no list", "no JSON", "empty", "too large"],
)
def test_what_is_not_taken_is_refused_with_the_reason_logged_and_counted_and_leaves_nothing(
    opened, engine, caplog, body, headers, at, status
):
    client = opened()
    answer = tell(client, body, datetime.now(UTC) + at, **headers)
    assert answer.status_code == status
    why = {403: "not_signed", 400: "malformed", 413: "too_large"}[status]
    assert f'tenure_hook_refusals_total{{hook="sendgrid",why="{why}"}} 1.0' in client.get("/metrics").text
    assert f"a post to the hook sendgrid was refused: {why}" in caplog.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["what_to_do"]
    assert known(engine) == 0


def test_unsigned_posts_are_refused(opened):
    assert opened().post("/hooks/sendgrid", content=post(event())).status_code == 403


def test_without_a_key_no_events_are_expected(opened):
    assert tell(opened(lambda: None), post(event())).status_code == 404


def test_a_key_that_is_none_asks_sendgrid_to_come_again(opened, caplog):
    def unset():
        raise Misconfigured("NAME_FILE cannot be read")

    for key in (unset, lambda: "no key"):
        assert tell(opened(key), post(event())).status_code == 503
    assert "NAME_FILE" in caplog.text


def test_the_token_of_the_api_is_not_asked_for(mails, opened):
    body = post(event("delivered", name_of(mails, mails.mail())))
    assert tell(opened(api_token="secret"), body).status_code == 200


def test_it_is_told_by_post_alone(opened):
    assert opened().get("/hooks/sendgrid").status_code == 405


def test_when_the_database_is_away_sendgrid_comes_again(opened, engine, monkeypatch):
    def away(*_):
        raise sa.exc.OperationalError("select", {}, Exception("server closed the connection"))

    monkeypatch.setattr("store.responses.mail_events.take_in", away)
    assert tell(opened(), post(event())).status_code == 503


def test_a_mail_whose_answer_was_lost_is_never_sent_again_and_known_as_sent_when_sendgrid_tells(mails, opened, engine):
    mail_id = mails.mail()
    secrets = {"KEY": KEY}
    with Account() as account:
        account.answers.append(["reset"])
        settings = SendGridSettings(api_key_env="KEY", url=account.base(), timeout_seconds=PATIENCE)
        stream = MailStream(engine, {"email": SendGridTransport(settings, secrets.get)})
        assert stream.dispatch_due(NOW) == Counts(unknown=1)
        assert stream.dispatch_due(NOW + timedelta(days=1)) == Counts()
        stream.close()
        (request,) = account.requests()
    assert mails.find(mail_id).state == "unknown"
    told = tell(opened(), post(event("processed", request["custom_args"]["tenure_mail"])))
    assert told.json()["settled"] == 1
    assert mails.find(mail_id).state == "sent"
