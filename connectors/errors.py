"""What can go wrong outside, as four refusals after which nothing has happened, and one outcome that nobody knows.

ConnectorError
├── Unavailable      the provider does not answer, or not now: try again later
├── RateLimited      it answers, but wants less: try again after `retry_after`
├── Rejected         it refuses this one thing for good: do not try again
├── Misconfigured    it refuses everything until a person changes a setting: try again, and say so loudly
└── UnknownOutcome   the effect may have happened: never try again by itself
"""

from datetime import timedelta


class ConnectorError(Exception):
    """Something outside did not go as asked; the message says where and what, and never holds a secret."""


class Unavailable(ConnectorError):
    """An outage: nothing has happened, and the same may work later."""


class RateLimited(ConnectorError):
    """Nothing has happened; the provider said how long to wait, or did not."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(ConnectorError):
    """Nothing has happened, and never will for this message, address or object."""


class Misconfigured(ConnectorError):
    """Nothing has happened: credentials, certificates or names are wrong, for this and everything after it."""


class UnknownOutcome(ConnectorError):
    """The effect was handed over and no answer came back. Only looking, or a person, can tell."""
