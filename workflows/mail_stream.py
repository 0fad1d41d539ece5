"""Takes due mails to their transports, each at most once whatever dies in between; it knows no provider."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from connectors.email.port import Accepted, OutgoingMail, Refused, Transport
from connectors.errors import ConnectorError, Misconfigured, RateLimited, Rejected, UnknownOutcome
from connectors.retries import wait_before_retry
from store import clock as store_clock
from store import mails
from store.mails import Mail
from workflows.dispatcher import Dispatcher

_BATCH = 20
_OUTAGE_AFTER = 3
"""So many mails in a row that cannot leave now, or of which nobody knows, are the provider's matter."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a pass did, by how the mails ended."""

    sent: int = 0
    refused: int = 0
    skipped: int = 0
    unknown: int = 0
    parked: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


class MailStream(Dispatcher[Counts]):
    """Takes mails to their transports: `transports` by stream, which is the name a mail carries."""

    channel = mails.CHANNEL
    log_name = "mail_stream"

    def __init__(
        self,
        engine: sa.Engine,
        transports: Mapping[str, Transport],
        clock: Callable[[sa.Connection], datetime] = store_clock.now,
    ) -> None:
        super().__init__(engine, clock)
        self._transports = dict(transports)
        self._owed: list[_Settlement] = []

    def dispatch_due(self, now: datetime) -> Counts:
        """Everything that is due at `now`, in order of priority; mails that are parked come due later."""
        total = Counts()
        while counts := self._pass(now, threading.Event()):
            total += counts
        return total

    def close(self) -> None:
        """Let go of the connection and those of the transports."""
        super().close()
        for transport in self._transports.values():
            transport.close()

    # --- one pass

    def _round(self, conn: sa.Connection, now: datetime, stop: threading.Event) -> Counts:
        """A batch of every stream."""
        self._pay(conn)
        total = Counts()
        for stream, transport in self._transports.items():
            total += self._look_after_orphans(conn, stream, transport, now)
            total += self._dispatch(conn, stream, transport, now, stop)
        return total

    def _look_after_orphans(self, conn: sa.Connection, stream: str, transport: Transport, now: datetime) -> Counts:
        total = Counts()
        with conn.begin():
            found = mails.orphans(conn, stream, now, _BATCH)
        for mail in found:
            _log.warning("mail_stream.orphan", mail=mail.id, run=mail.run_id)
            total += self._find_out(conn, transport, mail, now, "its dispatcher died while handing it over")
            with conn.begin():
                mails.release(conn, mail.id)
        return total

    def _dispatch(
        self, conn: sa.Connection, stream: str, transport: Transport, now: datetime, stop: threading.Event
    ) -> Counts:
        with conn.begin():
            claim = mails.claim_due(conn, stream, now, _BATCH)
        total, failures = Counts(skipped=claim.skipped, parked=claim.put_off), 0
        outage: ConnectorError | None = None
        for mail in claim.mails:
            if outage is not None:
                total += self._park(conn, mail, now, outage, tried=False)
            elif not stop.is_set():
                counts, error = self._deliver(conn, transport, mail, now)
                total += counts
                failures = failures + 1 if error else 0
                outage = error if isinstance(error, RateLimited | Misconfigured) or failures >= _OUTAGE_AFTER else None
            with conn.begin():
                mails.release(conn, mail.id)
        return total

    def _deliver(
        self, conn: sa.Connection, transport: Transport, mail: Mail, now: datetime
    ) -> tuple[Counts, ConnectorError | None]:
        """One mail; also the error where it may be the provider's matter rather than this mail's."""
        handed_over = False

        def hand_over() -> None:
            nonlocal handed_over
            with conn.begin():
                bar = mails.handing_over(conn, mail.id, now)
            if bar is not None:
                raise _Barred(bar)
            handed_over = True

        try:
            accepted = transport.deliver(_outgoing(mail, now), hand_over)
        except _Barred as barred:
            return self._bar(conn, mail, barred.bar, now), None
        except Rejected as error:
            return self._settle(conn, _Settlement(mail.id, "refused", now, reason=str(error))), None
        except UnknownOutcome as error:
            return self._find_out(conn, transport, mail, now, str(error)), error
        except ConnectorError as error:
            return self._park(conn, mail, now, error), error
        except sa.exc.SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001  # the mail's state has to be written whatever a transport does
            # A transport's own mistake. Where it happened decides, as with the errors it knows.
            _log.exception("mail_stream.transport_failed", mail=mail.id, handed_over=handed_over)
            if handed_over:
                unknown = UnknownOutcome(f"{type(error).__name__} after handing over")
                return self._find_out(conn, transport, mail, now, str(unknown)), unknown
            failure = ConnectorError(f"{type(error).__name__} before handing over")
            return self._park(conn, mail, now, failure), failure
        return self._settle(conn, _Settlement(mail.id, "sent", now, provider_id=accepted.provider_id)), None

    def _find_out(self, conn: sa.Connection, transport: Transport, mail: Mail, now: datetime, why: str) -> Counts:
        """What became of a mail that was handed over without an answer. Only where its author says so is it sent again,
        once, and later."""
        found: Accepted | Refused | None = None
        try:
            found = transport.look_up(mail.message_id)
        except ConnectorError as error:
            wait = wait_before_retry(error, 1)
            if wait is not None:
                with conn.begin():
                    mails.look_later(conn, mail.id, now + wait)
                return Counts()
        except Exception:  # noqa: BLE001  # then nobody can tell, which is an answer
            _log.exception("mail_stream.look_up_failed", mail=mail.id)
        match found:
            case Accepted(provider_id=provider_id):
                settlement = _Settlement(
                    mail.id, "sent", now, reason=f"found by looking: {why}", provider_id=provider_id
                )
            case Refused(reason=reason):
                settlement = _Settlement(mail.id, "refused", now, reason=reason)
            case None:
                settlement = _Settlement(mail.id, "unknown", now, reason=why)
        return self._settle(conn, settlement)

    def _bar(self, conn: sa.Connection, mail: Mail, bar: mails.Bar, now: datetime) -> Counts:
        if bar.final:
            return self._settle(conn, _Settlement(mail.id, "skipped", now, reason=bar.reason))
        if bar.until is None:
            return Counts()
        with conn.begin():
            return Counts(parked=int(mails.wait(conn, mail.id, bar.until, bar.reason)))

    def _park(
        self, conn: sa.Connection, mail: Mail, now: datetime, error: ConnectorError, *, tried: bool = True
    ) -> Counts:
        wait = wait_before_retry(error, mail.attempts + 1 if tried else 1) or timedelta(minutes=1)
        if isinstance(error, Misconfigured):
            _log.error("mail_stream.misconfigured", stream=mail.stream, problem=str(error))
        _log.info("mail_stream.parked", mail=mail.id, error=type(error).__name__, wait_seconds=wait.total_seconds())
        with conn.begin():
            mails.park(conn, mail.id, now + wait, str(error), tried=tried)
        return Counts(parked=1)

    # --- what must not be lost

    def _settle(self, conn: sa.Connection, settlement: "_Settlement") -> Counts:
        """Write what became of a mail; if the database is away, remember it, since nobody else knows."""
        self._owed.append(settlement)
        return self._pay(conn)

    def _pay(self, conn: sa.Connection) -> Counts:
        total = Counts()
        while self._owed:
            settlement = self._owed[0]
            with conn.begin():
                done = settlement.write(conn)
            self._owed.pop(0)
            total += Counts(**{settlement.state: 1}) if done else Counts()
        return total


class _Barred(Exception):
    """Raised through a transport that had all but sent the mail."""

    def __init__(self, bar: mails.Bar) -> None:
        super().__init__(bar.reason)
        self.bar = bar


@dataclass(frozen=True)
class _Settlement:
    """What became of a mail, until it is written."""

    mail_id: int
    state: mails.Settled
    now: datetime
    reason: str | None = None
    provider_id: str | None = None

    def write(self, conn: sa.Connection) -> bool:
        return mails.settle(
            conn, self.mail_id, self.state, now=self.now, reason=self.reason, provider_id=self.provider_id
        )


def _outgoing(mail: Mail, now: datetime) -> OutgoingMail:
    return OutgoingMail(
        message_id=mail.message_id,
        to_address=mail.to_address,
        to_name=mail.to_name,
        from_address=mail.from_address,
        from_name=mail.from_name,
        reply_to=mail.reply_to,
        replies_to=mail.replies_to,
        subject=mail.subject,
        html=mail.html,
        plain=mail.plain,
        unsubscribe_url=mail.unsubscribe_url,
        category=mail.category,
        at=now,
    )
