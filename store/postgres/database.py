"""How the store reaches PostgreSQL: one engine per URL, every connection in UTC; it knows no table."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import ExecStatus, TransactionStatus

_DRIVER = "postgresql+psycopg"
_STATEMENTS = 1000
"""That a connection keeps prepared: all that a sweep, its runs and their mails ask, and room for pages."""

_ASK_AFTER_SECONDS = 20.0
"""Of rest. A server that ends tells its connections, but what lies between may forget one without a word."""


def engine_for(url: str, *, pool_size: int = 10) -> sa.Engine:
    """A pooled engine for `postgresql://…` (or a bare `postgres://…`), with psycopg as the driver."""
    engine = sa.create_engine(
        with_driver(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        # The connection used last knows the most statements by name.
        pool_use_lifo=True,
        # What was asked about people would stand in logs with whatever went wrong.
        hide_parameters=True,
        # jit costs more than it gives on statements of this size. Microsecond-exact text of doubles is the default.
        connect_args={"options": "-c timezone=UTC -c jit=off"},
    )
    sa.event.listen(engine, "do_connect", _connect)
    sa.event.listen(engine, "checkin", _rests)
    sa.event.listen(engine, "checkout", _is_there)
    sa.event.listen(engine, "handle_error", _let_go_of_outdated)
    sa.event.listen(engine, "handle_error", _is_away_for_a_while, retval=True)
    return engine


@contextmanager
def apart(engine: sa.Engine) -> Iterator[sa.Engine]:
    """The same database over one connection of its own, for a loop that asks the same again and again.

    In the common pool it would meet now this connection and now that, and each has to learn its statements.
    """
    own = engine_for(engine.url.render_as_string(hide_password=False), pool_size=1)
    try:
        yield own
    finally:
        own.dispose()


def with_driver(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    return parsed.set(drivername=_DRIVER) if parsed.get_backend_name() in ("postgresql", "postgres") else parsed


class _Connection(psycopg.Connection[Any]):
    """Keeps its prepared statements when a transaction ends without a commit, as every look without a change does.

    psycopg forgets them all with each rollback. For our large statements, to read and plan them takes PostgreSQL as
    long as to execute them. It plans anew by itself whatever a definition concerns that has changed meanwhile.
    """

    def is_silent(self) -> bool:
        """Whether nothing has come that is not read yet. A server that ends says so, and its line closes."""
        if self.closed:
            return False
        line = select.poll()
        line.register(self.pgconn.socket, select.POLLIN)
        return not line.poll(0)

    def answers(self) -> bool:
        """Ask the server."""
        try:
            self.autocommit = True
            self.execute(";")
            self.autocommit = False
        except psycopg.Error:
            return False
        return True

    def rollback(self) -> None:
        if self.pgconn.transaction_status != TransactionStatus.INTRANS:
            # After an error nobody knows what is still true.
            super().rollback()
            return
        with self.lock:
            result = self.pgconn.exec_(b"ROLLBACK")
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())


def _rests(_connection: Any, record: Any) -> None:
    record.info[_RESTS_SINCE] = time.monotonic()


def _is_there(connection: Any, record: Any, _proxy: Any) -> None:
    """Use no connection whose server has gone. To ask takes a round trip, for transactions that often take three: one
    that has rested for seconds, and from which nothing has come meanwhile, is believed without."""
    rests_since = record.info.get(_RESTS_SINCE)
    if rests_since is None:
        return
    if connection.is_silent() and time.monotonic() - rests_since < _ASK_AFTER_SECONDS:
        return
    if not connection.answers():
        raise sa.exc.InvalidatePoolError


_RESTS_SINCE = "rests since"


def _let_go_of_outdated(context: sa.engine.ExceptionContext) -> None:
    """A column has another type than when a statement was prepared, as after a deploy: all connections begin anew."""
    error = context.original_exception
    if isinstance(error, psycopg.errors.FeatureNotSupported) and "cached plan" in str(error):
        context.is_disconnect = True


def _is_away_for_a_while(context: sa.engine.ExceptionContext) -> BaseException | None:
    """It is read-only, as after a failover, or has cut a transaction for its age: whoever writes is to wait. All
    connections begin anew: one that was made meanwhile may stay read-only for ever, or lead to a standby."""
    error = context.original_exception
    if not isinstance(error, psycopg.Error) or error.sqlstate not in _FOR_A_WHILE:
        return None
    context.is_disconnect = True
    return sa.exc.OperationalError(None, None, error)


_FOR_A_WHILE = ("25006", "25P03", "25P04")
"""Read-only, idle-in-transaction timeout, transaction timeout: psycopg counts them as internal errors."""


def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> _Connection:
    connection = _Connection.connect(*arguments, **options)
    connection.prepared_max = _STATEMENTS
    if connection.info.parameter_status("TimeZone") != "UTC":
        # A pooler has dropped our options; in another zone, days would begin at another hour.
        connection.execute("set timezone = 'UTC'; set jit = off")
        connection.commit()
    return connection
