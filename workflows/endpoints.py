"""Tells the programs that subscribed what happened: at least once, signed as Standard Webhooks has it.

Never to a private address unless that is allowed. A receiver that is away has its messages wait, and nobody else's.
"""

import threading
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
import structlog

from connectors.errors import ConnectorError, Misconfigured
from connectors.http import Declined
from connectors.retries import wait_before_retry
from connectors.webhook.http import HttpCaller, HttpSettings
from connectors.webhook.port import Request
from store import endpoints
from store.endpoints import Due
from store.leaps import certain_real_now
from workflows.dispatcher import Dispatcher

_BATCH = 10
_GONE = 410
_SECRET = "the endpoint's own"  # noqa: S105 - a name, which no variable has
_AT_LEAST = timedelta(seconds=15)

_log = structlog.get_logger(__name__)


class EndpointStream(Dispatcher[int]):
    """Takes messages to their endpoints; a pass tells how many were sent or put off."""

    channel = endpoints.CHANNEL
    log_name = "endpoints"

    def __init__(self, engine: sa.Engine, *, allow_private: bool = False) -> None:
        super().__init__(engine, certain_real_now)
        self._allow_private = allow_private
        self._tidy_at = datetime.min.replace(tzinfo=UTC)

    def dispatch_due(self, now: datetime) -> int:
        """Everything that is due; how many were sent or put off."""
        total = 0
        while done := self._pass(now, threading.Event()):
            total += done
        return total

    def _round(self, conn: sa.Connection, now: datetime, stop: threading.Event) -> int:
        with conn.begin():
            due = endpoints.claim_due(conn, now, _BATCH)
            if now >= self._tidy_at:
                endpoints.forget_old(conn, now)
                self._tidy_at = now + timedelta(hours=1)
        away: dict[int, ConnectorError] = {}
        for one in due:
            if stop.is_set():
                break  # its lease ends
            outage = away.get(one.endpoint_id)
            error = outage or self._send(conn, one, now)
            if error is not None:
                self._put_off(conn, one, now, error)
                away[one.endpoint_id] = error
        return len(due)

    def _send(self, conn: sa.Connection, one: Due, now: datetime) -> ConnectorError | None:
        try:
            settings = HttpSettings(url=one.url, secret_env=_SECRET, allow_private=self._allow_private)
            caller = HttpCaller(settings, lambda _name: one.secret)
            answered = caller.call(Request(id=one.request_id, body=one.body), lambda: None)
        except ConnectorError as error:
            return error
        except ValueError:
            return Misconfigured("the address is none that can be called")
        with conn.begin():
            endpoints.delivered(conn, one.id, now, answered.status)
        return None

    def _put_off(self, conn: sa.Connection, one: Due, now: datetime, error: ConnectorError) -> None:
        """Whatever it was, it comes again: a receiver that refuses today may be mended tomorrow."""
        status = error.status if isinstance(error, Declined) else None
        with conn.begin():
            if status == _GONE:
                endpoints.change_endpoint(conn, one.endpoint_id, "paused")
            if now >= one.give_up_at:
                endpoints.refused(conn, one.id, now, f"given up: {error}", status)
                return
            wait = wait_before_retry(error, one.attempts) or wait_before_retry(ConnectorError(), one.attempts)
            _log.info("endpoints.put_off", message=one.id, endpoint=one.endpoint_id, error=str(error))
            endpoints.try_again(conn, one.id, now + max(wait or _AT_LEAST, _AT_LEAST), str(error), status)
