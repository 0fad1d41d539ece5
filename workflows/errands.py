"""Carries errands out: requests to other programs and messages into channels, each at most once unless its author says
otherwise; it knows no provider.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from connectors.chat.port import Chat, Message
from connectors.errors import ConnectorError, Misconfigured, Rejected, UnknownOutcome
from connectors.http import Declined
from connectors.retries import wait_before_retry
from connectors.webhook.port import Answered, Caller, Request
from store import errands
from store.errands import Errand
from store.leaps import certain_now
from workflows.dispatcher import Dispatcher

_BATCH = 10
_LONGEST_TEXT = 1_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The connectors by name, as the workspace declares them at this moment; Misconfigured where it has none."""

    webhook: Callable[[str], Caller]
    chat: Callable[[str], Chat]


class ErrandStream(Dispatcher[int]):
    """Takes errands to their connectors; a pass tells how many were settled or parked."""

    channel = errands.CHANNEL
    log_name = "errands"

    def __init__(
        self,
        engine: sa.Engine,
        outside: Outside,
        clock: Callable[[sa.Connection], datetime] = certain_now,
    ) -> None:
        super().__init__(engine, clock)
        self._outside = outside
        self._owed: list[_Settlement] = []

    def dispatch_due(self, now: datetime) -> int:
        """Everything that is due at `now`; how many were settled or parked."""
        total = 0
        while done := self._pass(now, threading.Event()):
            total += done
        return total

    # --- one pass

    def _round(self, conn: sa.Connection, now: datetime, stop: threading.Event) -> int:
        done = self._pay(conn)
        with conn.begin():
            lost = errands.orphans(conn, now, _BATCH)
        for one in lost:
            _log.warning("errands.orphan", errand=one.id, run=one.run_id)
            done += self._unknown(conn, one, now, "its dispatcher died while handing it over")
            self._release(conn, one)
        with conn.begin():
            due = errands.claim_due(conn, now, _BATCH)
        # What is away now is so for the others of this pass as well: they wait without a try.
        away: dict[tuple[str, str], ConnectorError] = {}
        for one in due:
            outage = away.get((one.kind, one.connector))
            if outage is not None:
                done += self._park(conn, one, now, outage, tried=False)
            elif not stop.is_set():
                counted, error = self._deliver(conn, one, now)
                done += counted
                if error is not None:
                    away[one.kind, one.connector] = error
            self._release(conn, one)
        return done

    def _deliver(self, conn: sa.Connection, one: Errand, now: datetime) -> tuple[int, ConnectorError | None]:
        """One errand; also the error when its connector is away."""
        handed_over = False

        def hand_over() -> None:
            nonlocal handed_over
            with conn.begin():
                if not errands.handing_over(conn, one.id):
                    raise _Barred
            handed_over = True

        try:
            answered = self._send(one, hand_over)
        except _Barred:
            return 0, None
        except Rejected as error:
            status = error.status if isinstance(error, Declined) else None
            return self._settle(conn, _Settlement(one.id, "refused", now, reason=str(error), status=status)), None
        except UnknownOutcome as error:
            return self._unknown(conn, one, now, str(error)), None
        except ConnectorError as error:
            return self._park(conn, one, now, error), error
        except sa.exc.SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - the errand's state has to be written whatever a connector does
            _log.exception("errands.connector_failed", errand=one.id, handed_over=handed_over)
            if handed_over:
                return self._unknown(conn, one, now, f"{type(error).__name__} after handing over"), None
            failure = ConnectorError(f"{type(error).__name__} before handing over")
            return self._park(conn, one, now, failure), failure
        returned = _returned(answered.json, one.returns)
        settlement = _Settlement(one.id, "delivered", now, status=answered.status, returned=returned)
        return self._settle(conn, settlement), None

    def _send(self, one: Errand, hand_over: Callable[[], None]) -> Answered:
        if one.kind == "webhook":
            request = Request(id=one.request_id, body=one.body)
            return self._outside.webhook(one.connector).call(request, hand_over)
        self._outside.chat(one.connector).say(Message(id=one.request_id, text=one.body["text"]), hand_over)
        return Answered(status=200)

    def _unknown(self, conn: sa.Connection, one: Errand, now: datetime, why: str) -> int:
        """Nobody knows whether it arrived: only its author may have it sent again."""
        if one.resends > 0:
            with conn.begin():
                wait = wait_before_retry(ConnectorError(why), one.attempts + 1) or timedelta(seconds=15)
                errands.park(conn, one.id, now + wait, f"sent again, as {why}", resent=True)
            return 1
        return self._settle(conn, _Settlement(one.id, "unknown", now, reason=why))

    def _park(
        self, conn: sa.Connection, one: Errand, now: datetime, error: ConnectorError, *, tried: bool = True
    ) -> int:
        if isinstance(error, Misconfigured):
            _log.error("errands.misconfigured", connector=one.connector, problem=str(error))
        if tried and now >= one.give_up_at:
            reason = f"given up after {errands.GIVE_UP_AFTER.days} days: {error}"
            return self._settle(conn, _Settlement(one.id, "refused", now, reason=reason))
        wait = wait_before_retry(error, one.attempts + 1 if tried else 1) or timedelta(minutes=1)
        _log.info("errands.parked", errand=one.id, error=type(error).__name__, wait_seconds=wait.total_seconds())
        with conn.begin():
            errands.park(conn, one.id, now + wait, str(error), tried=tried)
        return 1

    # --- what must not be lost

    def _settle(self, conn: sa.Connection, settlement: "_Settlement") -> int:
        """Write what became of it; if the database is away, remember it, since nobody else knows."""
        self._owed.append(settlement)
        return self._pay(conn)

    def _pay(self, conn: sa.Connection) -> int:
        done = 0
        while self._owed:
            with conn.begin():
                done += self._owed[0].write(conn)
            self._owed.pop(0)
        return done

    def _release(self, conn: sa.Connection, one: Errand) -> None:
        with conn.begin():
            errands.release(conn, one.id)


class _Barred(Exception):
    """Raised through a connector that had all but sent the request."""


@dataclass(frozen=True)
class _Settlement:
    """What became of an errand, until it is written."""

    errand_id: int
    state: errands.Settled
    now: datetime
    reason: str | None = None
    status: int | None = None
    returned: Mapping[str, Any] | None = None

    def write(self, conn: sa.Connection) -> bool:
        return errands.settle(
            conn,
            self.errand_id,
            self.state,
            now=self.now,
            reason=self.reason,
            status=self.status,
            returned=self.returned,
        )


def _returned(json: Any, returns: Mapping[str, str]) -> Mapping[str, Any]:
    """The values asked for that the answer holds in their types; the others are unknown."""
    answer = json if isinstance(json, dict) else {}
    return {name: answer[name] for name, type_ in returns.items() if name in answer and _is(answer[name], type_)}


def _is(value: Any, type_: str) -> bool:
    match type_:
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e100
        case "bool":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable()
