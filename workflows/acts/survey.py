"""Asks a contact one question: a survey's row with its signed page, and the mail that leads there."""

from connectors.errors import Misconfigured
from engine.calendars import Place, add
from engine.durations import Duration, parse_duration
from engine.surveys import SCALES
from engine.texts.filters import RenderError
from engine.texts.scale import Scale
from engine.texts.templates import render_line
from engine.turns.runtime import Act, Receipt
from store import mails
from store.people import Contact
from store.responses import surveys
from workflows.acts.acting import Acting
from workflows.acts.letters import Letter, reachable

_LATE = Duration(30, "days")
"""How much longer than the run waits the page takes answers: late ones are facts all the same."""


def ask_contact(acting: Acting, act: Act) -> Receipt:
    """Params as of a mail, asks (the kind of survey), up_to. A person who was asked lately is an outcome."""
    found = reachable(acting, act)
    if isinstance(found, Receipt):
        return found
    recipient = found[0]
    assert recipient.email is not None
    policy = acting.workspace.surveys
    if policy is not None:
        within = policy.at_most_every.exact
        assert within is not None, "a span is always equally long"
        if surveys.last_asked(acting.conn, recipient.email, within, acting.now) is not None:
            why = f"asked within {policy.at_most_every} already"
            return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    try:
        # All or nothing: a question that no mail could be made of was not put.
        with acting.conn.begin_nested():
            mail_id = _ask(acting, act, recipient)
    except (RenderError, Misconfigured) as error:
        return Receipt(outcome="failed", reason=str(error))
    return Receipt(outcome="done", values={"outcome": "queued", "mails": [mail_id]})


def _ask(acting: Acting, act: Act, recipient: Contact) -> int:
    """The id of the mail."""
    assert recipient.email is not None
    asks = act.params["asks"]
    scale, letter = SCALES[asks], Letter(acting, act, recipient)
    question = surveys.Question(
        run_id=acting.run_id,
        step=act.step,
        visit=act.visit,
        account_id=acting.account_id,
        contact_id=recipient.id,
        address=recipient.email,
        asks=asks,
        question=render_line(letter.text.question, letter.values) or scale.says(letter.language),
        language=letter.language,
        closes_at=add(add(acting.now, parse_duration(act.params["up_to"]), Place()), _LATE, Place()),
    )
    page = acting.ports.links(acting.conn).survey(surveys.ask(acting.conn, question, acting.now))
    links = {score: f"{page}?score={score}" for score in scale.scores}
    low, high = scale.ends(letter.language)
    below = Scale(question=question.question, low=low, high=high, links=links, language=letter.language)
    return mails.prepare(acting.conn, letter.draft(scale=below), acting.now)
