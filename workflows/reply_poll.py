"""Asks the mailbox for replies, one worker at a time: first committed, then marked as taken, so none is lost."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from connectors.errors import ConnectorError, Misconfigured
from connectors.replies.port import Mailbox
from connectors.replies.reading import read_mail
from store import clock
from store.responses import replies

_EVERY = 30.0
_LONGEST_PAUSE = 600.0
_BATCH = 50
_LOCK = 0x7265_706C
"""An advisory lock of the database: who holds it asks."""

_log = structlog.get_logger(__name__)


class ReplyPoll:
    """`mailbox`: as the workspace declares it at the moment; None where replies do not come that way."""

    def __init__(self, engine: sa.Engine, mailbox: Callable[[], Mailbox | None]) -> None:
        self._engine = engine
        self._mailbox = mailbox

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop; an outage is waited out, longer each time."""
        pause = _EVERY
        while not stop.is_set():
            try:
                self.ask(stop)
                pause = _EVERY
            except Misconfigured as error:
                pause = _LONGEST_PAUSE
                _log.error("reply_poll.misconfigured", problem=str(error))
            except (ConnectorError, sa.exc.SQLAlchemyError) as error:
                pause = min(2 * pause, _LONGEST_PAUSE)
                _log.warning("reply_poll.interrupted", error=str(error), next_try_in_seconds=pause)
            except Exception:  # noqa: BLE001 - a loop that ends here would leave all replies lying, with nobody told
                pause = min(2 * pause, _LONGEST_PAUSE)
                _log.exception("reply_poll.failed", next_try_in_seconds=pause)
            stop.wait(pause)

    def ask(self, stop: threading.Event) -> Counter[str]:
        """Take everything that is new; what became of it, by kind. Nothing while another worker asks."""
        mailbox = self._mailbox()
        if mailbox is None:
            return Counter()
        total: Counter[str] = Counter()
        # A connection outside the pool: the lock goes with it, whatever happens here.
        with closing(mailbox), self._engine.connect() as conn:
            conn.detach()
            with conn.begin():
                alone = conn.execute(sa.select(sa.func.pg_try_advisory_lock(_LOCK))).scalar()
            while alone and not stop.is_set() and (became := self._batch(conn, mailbox)):
                total += became
        return total

    def _batch(self, conn: sa.Connection, mailbox: Mailbox) -> Counter[str]:
        held = mailbox.new(_BATCH)
        became: Counter[str] = Counter()
        for one in held:
            incoming = read_mail(one.raw, datetime.now(UTC))
            with conn.begin():
                became[replies.take_in(conn, incoming, clock.now(conn))] += 1
            # At once, or a mail that cannot be taken would have all others taken again and again.
            mailbox.taken([one.number])
        if became:
            _log.info("reply_poll.taken", **became)
        return became
