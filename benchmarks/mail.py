"""How many mails one core fills in, and how many leave over SMTP beside a bare loop on one connection."""

import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from itertools import count

from benchmarks.measure import ROOT, Figure, Spent, environment, interleaved, median, timed
from connectors.email.message import build_message
from connectors.email.port import OutgoingMail
from connectors.email.smtp import SmtpSettings, SmtpTransport
from engine.texts.document import MailText
from engine.texts.mail import Letterhead, RenderedMail, render_mail

_ROUNDS = 9
_RENDERED, _SENT = 200, 200
_LEAST_RENDERED, _LEAST_SENT = 1000, 0.7
_PATIENCE = 20.0
_TEXT = MailText(
    subject="What do you still plan in a spreadsheet, {{ account.name }}?",
    preheader="One question; the answer may save you an evening.",
    body="""Hi {{ recipient.first_name or "there" }},

I look after **{{ account.name }}**, and I see that your team uses {{ metric.seats }} of its seats.

- Which planning still happens in a spreadsheet?
- Who makes the plan, and when?

[Show me your week](https://calendar.example/{{ sender.first_name }})

Tell me one thing, and I tell you honestly whether we can take it over.

{{ sender.name }}
""",
)
_VALUES = {
    "account.name": "Acme Freight",
    "recipient.first_name": "Ada",
    "metric.seats": 12.0,
    "sender.first_name": "Kim",
    "sender.name": "Kim Novak",
}
_LETTERHEAD = Letterhead(
    sender_name="Harbour", postal_address="Example Street 1\n12345 Berlin", unsubscribe_url="https://x.example/u/1"
)


def rendering() -> Iterator[Figure]:
    """Beside Markdown and inlined styles alone, for the same page."""
    import css_inline
    from markdown_it import MarkdownIt

    inliner, markdown = css_inline.CSSInliner(load_remote_stylesheets=False), MarkdownIt()
    page = render_mail(_TEXT, _VALUES, _LETTERHEAD).html

    def ours() -> None:
        for _ in range(_RENDERED):
            render_mail(_TEXT, _VALUES, _LETTERHEAD)

    def libraries() -> None:
        for _ in range(_RENDERED):
            markdown.render(_TEXT.body)
            inliner.inline(page)

    mine, ceiling = interleaved(_ROUNDS, lambda: timed(ours), lambda: timed(libraries))
    rate = _RENDERED / mine.cpu
    yield Figure(
        name="mail_render",
        value=rate,
        unit="mails/s CPU",
        ceiling=_RENDERED / ceiling.cpu,
        target=f">= {_LEAST_RENDERED}",
        holds=rate >= _LEAST_RENDERED,
        note="the ceiling has no templates, no plain text, no values kept from being Markdown",
    )


def sending() -> Iterator[Figure]:
    """Each mail checked, written and sent, beside the standard library that sends the same bytes, ready-made."""
    with server() as port, smtplib.SMTP("localhost", port) as bare:
        transport = SmtpTransport(SmtpSettings(host="localhost", port=port, security="plain"), lambda _: None)
        numbers = count()

        def ours() -> None:
            for mail in batch:
                transport.deliver(mail, lambda: None)

        def ready_made() -> None:
            for mail, message in zip(batch, ready, strict=True):
                bare.sendmail(mail.from_address, [mail.to_address], message)

        def by_hand() -> None:
            for n, mail in enumerate(batch):
                bare.send_message(_written(mail, n))

        spent: list[list[Spent]] = []
        for _ in range(_ROUNDS + 1):
            # New people each time: no address was ever looked at before.
            batch = [outgoing(next(numbers)) for _ in range(_SENT)]
            ready = [build_message(replace(mail, to_address="ada@acme.example")) for mail in batch]
            spent.append([timed(work) for work in (ours, ready_made, by_hand)])
        transport.close()
    # The first round opened connections and filled what is kept.
    mine, ceiling, hand = (
        Spent(median(one.wall for one in each), median(one.cpu for one in each))
        for each in zip(*spent[1:], strict=True)
    )
    ratio = ceiling.wall / mine.wall
    yield Figure(
        name="smtp_sending",
        value=_SENT / mine.wall,
        unit="mails/s",
        ceiling=_SENT / ceiling.wall,
        target=f"ratio >= {_LEAST_SENT}",
        holds=ratio >= _LEAST_SENT,
        note=f"{1000 * mine.cpu / _SENT:.2f} ms CPU a mail, {1000 * ceiling.cpu / _SENT:.2f} ready-made; "
        f"each written with the standard library: {_SENT / hand.wall:.0f} mails/s",
    )


def outgoing(n: int) -> OutgoingMail:
    page = _page()
    return OutgoingMail(
        message_id=f"<{n}@bench.example>",
        to_address=f"ada{n}@acme.example",
        to_name="Ada Moreau",
        from_address="team@bench.example",
        from_name="Harbour",
        reply_to="kim@bench.example",
        subject="What do you still plan in a spreadsheet?",
        html=page.html,
        plain=page.plain,
        unsubscribe_url=f"https://x.example/u/{n}",
        at=datetime(2026, 3, 2, tzinfo=UTC),
    )


@cache
def _page() -> RenderedMail:
    return render_mail(_TEXT, _VALUES, _LETTERHEAD)


def _written(mail: OutgoingMail, n: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = f"{mail.from_name} <{mail.from_address}>", f"{mail.to_name} <{mail.to_address}>"
    message["Reply-To"], message["Subject"] = mail.reply_to, mail.subject
    message["Message-ID"], message["Date"] = f"<{n}@bench.example>", mail.at
    message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
    message.set_content(mail.plain)
    message.add_alternative(mail.html, subtype="html")
    return message


@contextmanager
def server() -> Iterator[int]:
    """A real server in a process of its own, which forgets what it takes."""
    with socket.create_server(("localhost", 0)) as probe:
        port = int(probe.getsockname()[1])
    child = subprocess.Popen(
        [sys.executable, "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"localhost:{port}"],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        child.terminate()
        child.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
