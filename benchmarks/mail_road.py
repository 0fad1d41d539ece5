"""How many mails leave by the whole road (row, reservation, hand-over, settlement), beside the connector alone."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from app.embedded import Servers
from benchmarks.mail import outgoing, server
from benchmarks.mail_rows import put_mails
from benchmarks.measure import Figure, Spent, median, timed
from connectors.email.port import Accepted, OutgoingMail, Refused, Transport
from connectors.email.smtp import SmtpSettings, SmtpTransport
from store.migrate import migrate
from store.postgres.database import engine_for
from workflows.mail_stream import MailStream
from workflows.ports import STREAM

_ROUNDS, _SENT = 5, 200
_FAR = 0.05
_LEAST_FAR = 4.0
_NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


@dataclass(frozen=True)
class _Provider:
    """It takes everything, after so many seconds: what is left is the road itself."""

    seconds: float = 0.0
    at_once: int = 16

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:  # noqa: ARG002  # the port's words
        hand_over()
        time.sleep(self.seconds)
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
        roads = [_Road(engine, one, numbers) for one in (transport, _Provider(), _Provider(_FAR))]
        spent: list[list[Spent]] = []
        for _ in range(_ROUNDS + 1):
            mine = [outgoing(next(numbers)) for _ in range(_SENT)]

            def alone() -> None:
                for mail in mine:  # noqa: B023 - called at once
                    transport.deliver(mail, lambda: None)

            spent.append([*(road.sends() for road in roads), timed(alone)])
        at_once = transport.at_once
        for road in roads:
            road.stream.close()
        engine.dispose()
    # The first round opened connections and filled what is kept.
    whole, nowhere, far, connector = (
        Spent(median(one.wall for one in each), median(one.cpu for one in each))
        for each in zip(*spent[1:], strict=True)
    )
    yield Figure(
        name="mail_road",
        value=_SENT / whole.wall,
        unit="mails/s",
        ceiling=_SENT / connector.wall,
        note=f"{at_once} connections, {1000 * whole.cpu / _SENT:.1f} ms CPU a mail here; to a provider that takes no "
        f"time: {_SENT / nowhere.wall:.0f} mails/s, {1000 * nowhere.cpu / _SENT:.1f} ms CPU",
    )
    ratio = _SENT * _FAR / far.wall
    yield Figure(
        name="mail_road_far",
        value=_SENT / far.wall,
        unit="mails/s",
        ceiling=1 / _FAR,
        target=f"ratio >= {_LEAST_FAR:.0f}",
        holds=ratio >= _LEAST_FAR,
        note="sixteen on their way at once",
    )


class _Road:
    """A dispatcher with a transport, and mails for it to send."""

    def __init__(self, engine: sa.Engine, transport: Transport, numbers: Iterator[int]) -> None:
        self.stream = MailStream(engine, {STREAM: transport})
        self._engine = engine
        self._numbers = numbers

    def sends(self) -> Spent:
        page, first = outgoing(0), next(self._numbers) * _SENT
        put_mails(self._engine, first, _SENT, _NOW, html=page.html, plain=page.plain, subject=page.subject)
        return timed(self._send)

    def _send(self) -> None:
        counts = self.stream.dispatch_due(_NOW)
        assert counts.sent == _SENT, counts
