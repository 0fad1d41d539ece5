"""How many mails leave by the whole road (row, reservation, hand-over, settlement), beside the connector alone."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from app.embedded import Servers
from benchmarks.mail import outgoing, server
from benchmarks.mail_rows import put_mails
from benchmarks.measure import Figure, Spent, median, timed
from connectors.email.port import Accepted, OutgoingMail, Refused
from connectors.email.smtp import SmtpSettings, SmtpTransport
from store.database import engine_for
from store.migrate import migrate
from workflows.mail_stream import MailStream
from workflows.ports import STREAM

_ROUNDS, _SENT = 5, 100
_NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


class _Nowhere:
    """A provider that takes everything at once: what is left is the road itself."""

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:  # noqa: ARG002  # the port's words
        hand_over()
        return Accepted()

    def look_up(self, message_id: str) -> Accepted | Refused | None:  # noqa: ARG002  # as above
        return None

    def close(self) -> None:
        """Nothing is open."""


def figures() -> Iterator[Figure]:
    """One dispatcher, on a database that keeps what it commits."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home)) as servers, server() as port:
        url = servers.database_url()
        migrate(url)
        engine, numbers = engine_for(url), count()
        transport = SmtpTransport(SmtpSettings(host="localhost", port=port, security="plain"), lambda _: None)
        road, bare = MailStream(engine, {STREAM: transport}), MailStream(engine, {STREAM: _Nowhere()})
        page = outgoing(0)
        spent: list[list[Spent]] = []
        for _ in range(_ROUNDS + 1):
            mine = [outgoing(next(numbers)) for _ in range(_SENT)]

            def put() -> None:
                first = next(numbers) * _SENT
                put_mails(engine, first, _SENT, _NOW, html=page.html, plain=page.plain, subject=page.subject)

            def alone() -> None:
                for mail in mine:  # noqa: B023 - called at once
                    transport.deliver(mail, lambda: None)

            put()
            whole = timed(lambda: _sent(road))
            put()
            nowhere = timed(lambda: _sent(bare))
            spent.append([whole, nowhere, timed(alone)])
        road.close()
        bare.close()
        engine.dispose()
    whole, nowhere, connector = (
        Spent(median(one.wall for one in each), median(one.cpu for one in each))
        for each in zip(*spent[1:], strict=True)
    )
    yield Figure(
        name="mail_road",
        value=_SENT / whole.wall,
        unit="mails/s",
        ceiling=_SENT / connector.wall,
        note=f"beside the connector alone; to a provider that takes no time: {_SENT / nowhere.wall:.0f} mails/s, "
        f"{1000 * nowhere.cpu / _SENT:.1f} ms CPU a mail here, and three commits that wait for the disk",
    )


def _sent(stream: MailStream) -> None:
    counts = stream.dispatch_due(_NOW)
    assert counts.sent == _SENT, counts
