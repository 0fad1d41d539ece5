"""Takes due mails to their transports, each at most once whatever dies in between; it knows no provider."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from connectors.email.port import Accepted, Refused, Transport
from connectors.errors import ConnectorError, Misconfigured, RateLimited, Rejected, UnknownOutcome
from connectors.retries import wait_before_retry
from store import mails
from store.leaps import certain_now
from store.mails import Mail, Settlement
from workflows.dispatcher import Dispatcher
from workflows.mail_flight import Asking, Back, Barred, Flight, NoAnswer

_BATCH = 20
_TURNS = 4
"""Mails are claimed for so many turns of a transport that takes several at once, so that it seldom has to wait."""
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
        clock: Callable[[sa.Connection], datetime] = certain_now,
    ) -> None:
        super().__init__(engine, clock)
        self._transports = dict(transports)
        self._owed: dict[int, _Owed] = {}
        self._threads: ThreadPoolExecutor | None = None

    def dispatch_due(self, now: datetime) -> Counts:
        """Everything that is due at `now`, in order of priority; mails that are parked come due later."""
        total = Counts()
        while counts := self._pass(now, threading.Event()):
            total += counts
        return total

    def close(self) -> None:
        """Let go of the connection and those of the transports."""
        super().close()
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
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
        with conn.begin():
            found = mails.orphans(conn, stream, now, _BATCH)
        for mail in found:
            _log.warning("mail_stream.orphan", mail=mail.id, run=mail.run_id)
            self._find_out(conn, transport, mail, now, "its dispatcher died while handing it over")
        counts = self._pay(conn)
        _release(conn, found)
        return counts

    def _dispatch(
        self, conn: sa.Connection, stream: str, transport: Transport, now: datetime, stop: threading.Event
    ) -> Counts:
        at_once = transport.at_once
        with conn.begin():
            claim = mails.claim_due(conn, stream, now, max(_BATCH, _TURNS * at_once))
        total = Counts(skipped=claim.skipped, parked=claim.put_off)
        if not claim.mails:
            return total
        outage = _Outage()
        with ThreadPoolExecutor(at_once, thread_name_prefix="tenure-mail") as threads:
            flight = Flight(transport, claim.mails, now, threads, at_once)
            total += self._carry(conn, flight, outage, stop)
        if outage.error is not None:
            later = [(mail, outage.error) for mail in flight.waiting]
            total += _put_off(conn, [], later, now, tried=False)
        _release(conn, flight.waiting)
        return total

    def _carry(self, conn: sa.Connection, flight: Flight, outage: "_Outage", stop: threading.Event) -> Counts:
        """All mails of a flight, or as many as leave before its end. The threads go on while the database is asked."""
        total, asking, understood = Counts(), list[Asking](), list[_Understood]()
        try:
            flight.start()
            while flight.in_the_air:
                asking, back = flight.moments()
                understood = [_understand(one) for one in back]
                outage.learn(understood)
                if outage.error is None and not stop.is_set():
                    flight.start()
                _answer(conn, asking, flight.now)
                asking = []
                total += self._take_back(conn, flight, understood)
                understood = []
        except BaseException:
            # The database is away, and nobody else knows what became of those that had left.
            self._owe([*understood, *map(_understand, flight.land(asking))], flight.now)
            raise
        return total

    def _take_back(self, conn: sa.Connection, flight: Flight, understood: Sequence["_Understood"]) -> Counts:
        """Write what became of these mails, all by one commit, and let go of them."""
        waits, later = list[tuple[Mail, mails.Bar]](), list[tuple[Mail, ConnectorError]]()
        self._owe((one for one in understood if not isinstance(one.meaning, UnknownOutcome)), flight.now)
        for mail, meaning in ((one.mail, one.meaning) for one in understood):
            match meaning:
                case mails.Bar(final=False):
                    waits.append((mail, meaning))
                case UnknownOutcome():
                    self._find_out(conn, flight.transport, mail, flight.now, str(meaning))
                case ConnectorError() if not isinstance(meaning, Rejected):
                    later.append((mail, meaning))
        counts = _put_off(conn, waits, later, flight.now) + self._pay(conn)
        _release(conn, [one.mail for one in understood])
        return counts

    def _find_out(self, conn: sa.Connection, transport: Transport, mail: Mail, now: datetime, why: str) -> None:
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
                return
        except Exception:  # noqa: BLE001  # then nobody can tell, which is an answer
            _log.exception("mail_stream.look_up_failed", mail=mail.id)
        match found:
            case Accepted(provider_id=provider_id):
                reason = f"found by looking: {why}"
                settlement = Settlement(mail_id=mail.id, state="sent", reason=reason, provider_id=provider_id)
            case Refused(reason=reason):
                settlement = Settlement(mail_id=mail.id, state="refused", reason=reason)
            case None:
                settlement = Settlement(mail_id=mail.id, state="unknown", reason=why)
        self._owed[mail.id] = _Owed(settlement, now)

    # --- what must not be lost

    def _owe(self, understood: Iterable["_Understood"], now: datetime) -> None:
        """Remember what became of mails until it is written: if the database is away, nobody else knows."""
        for one in understood:
            settlement = _settlement(one.mail, one.meaning)
            if settlement is not None:
                self._owed.setdefault(one.mail.id, _Owed(settlement, now))

    def _pay(self, conn: sa.Connection) -> Counts:
        owed = tuple(self._owed.values())
        if not owed:
            return Counts()
        done = list[Settlement]()
        with conn.begin():
            for now in dict.fromkeys(one.now for one in owed):
                mine = [one.settlement for one in owed if one.now == now]
                settled = mails.settle_all(conn, mine, now)
                done += [one for one in mine if one.mail_id in settled]
        self._owed.clear()
        return sum((Counts(**{one.state: 1}) for one in done), Counts())


@dataclass(frozen=True)
class _Owed:
    """What became of a mail, and when that was known, until it is written."""

    settlement: Settlement
    now: datetime


# --- what came back


_Meaning = Accepted | mails.Bar | ConnectorError | None
"""Every mistake of a transport's own is one of the errors it knows; None: nobody could say whether it may leave."""


@dataclass(frozen=True)
class _Understood:
    mail: Mail
    meaning: _Meaning


def _understand(back: Back) -> _Understood:
    return _Understood(back.mail, _meaning(back))


def _meaning(back: Back) -> _Meaning:
    match back.outcome:
        case Accepted() | ConnectorError():
            return back.outcome
        case Barred(bar=bar):
            return bar
        case NoAnswer():
            return None
    # Where it happened decides, as with the errors that transports know.
    error, handed_over = back.outcome, back.handed_over
    _log.error("mail_stream.transport_failed", mail=back.mail.id, handed_over=handed_over, exc_info=error)
    what = type(error).__name__
    return (
        UnknownOutcome(f"{what} after handing over") if handed_over else ConnectorError(f"{what} before handing over")
    )


def _settlement(mail: Mail, meaning: _Meaning) -> Settlement | None:
    """None for a mail that is not settled by this."""
    match meaning:
        case Accepted(provider_id=provider_id):
            return Settlement(mail_id=mail.id, state="sent", provider_id=provider_id)
        case mails.Bar(final=True, reason=reason):
            return Settlement(mail_id=mail.id, state="skipped", reason=reason)
        case Rejected():
            return Settlement(mail_id=mail.id, state="refused", reason=str(meaning))
        case UnknownOutcome():
            return Settlement(mail_id=mail.id, state="unknown", reason=str(meaning))
    return None


class _Outage:
    """Notices when it is the provider's matter that mails do not leave, rather than theirs."""

    def __init__(self) -> None:
        self.error: ConnectorError | None = None
        self._failures = 0

    def learn(self, understood: Iterable[_Understood]) -> None:
        for meaning in (one.meaning for one in understood):
            if not isinstance(meaning, ConnectorError) or isinstance(meaning, Rejected):
                self._failures = 0
                continue
            self._failures += 1
            if isinstance(meaning, RateLimited | Misconfigured) or self._failures >= _OUTAGE_AFTER:
                self.error = meaning


# --- by one commit each


def _answer(conn: sa.Connection, asking: Sequence[Asking], now: datetime) -> None:
    """Say to mails that are about to leave whether they may; the word is given once it is committed."""
    if len(asking) > 1:
        with conn.begin():
            bars = mails.handing_over_together(conn, [one.mail.id for one in asking], now)
        for one in asking:
            if one.mail.id in bars:
                one.answer.set_result(bars[one.mail.id])
    for one in asking:
        if not one.answer.done():
            with conn.begin():
                bar = mails.handing_over(conn, one.mail.id, now)
            one.answer.set_result(bar)


def _put_off(
    conn: sa.Connection,
    waits: Sequence[tuple[Mail, mails.Bar]],
    later: Sequence[tuple[Mail, ConnectorError]],
    now: datetime,
    *,
    tried: bool = True,
) -> Counts:
    """Mails that did not leave, and may later: `waits` by caps and window, `later` since the provider is away."""
    parked = 0
    if not waits and not later:
        return Counts()
    with conn.begin():
        for mail, bar in waits:
            parked += bar.until is not None and mails.wait(conn, mail.id, bar.until, bar.reason)
        for mail, error in sorted(later, key=lambda one: one[0].id):
            wait = wait_before_retry(error, mail.attempts + 1 if tried else 1) or timedelta(minutes=1)
            if isinstance(error, Misconfigured):
                _log.error("mail_stream.misconfigured", stream=mail.stream, problem=str(error))
            _log.info("mail_stream.parked", mail=mail.id, error=type(error).__name__, wait_seconds=wait.total_seconds())
            mails.park(conn, mail.id, now + wait, str(error), tried=tried)
            parked += 1
    return Counts(parked=parked)


def _release(conn: sa.Connection, claimed: Iterable[Mail]) -> None:
    ids = [mail.id for mail in claimed]
    if ids:
        with conn.begin():
            mails.release(conn, ids)
