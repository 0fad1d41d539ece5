"""How Tenure logs: structlog to stderr, readable on a terminal and JSON elsewhere, with run and account."""

import logging
import sys
from contextlib import AbstractContextManager

import structlog
import structlog.tracebacks
from structlog.typing import Processor

from app.settings import LogFormat


def set_up_logs(log_format: LogFormat | None, level: int = logging.INFO) -> None:
    """Send our own lines and those of the standard library, from this level on, through one chain to stderr."""
    as_json = (log_format or ("console" if sys.stderr.isatty() else "json")) == "json"
    shared: list[Processor] = [
        # Carries what `bound` set for this task or thread.
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [_tracebacks, structlog.processors.JSONRenderer()]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Tells of each of its plugins whenever a migration is looked at.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


# Without local variables: they are pages long, and hold customers' data and secrets.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def bound(*, run: str | None = None, account: str | None = None) -> AbstractContextManager[None]:
    """Within this `with`, every log line names the run and the account it is about."""
    return structlog.contextvars.bound_contextvars(
        **{name: value for name, value in (("run", run), ("account", account)) if value is not None}
    )
