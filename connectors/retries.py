"""Decides from an error's class, never from its text, whether and when to try again."""

from datetime import timedelta

from connectors.errors import ConnectorError, Misconfigured, RateLimited, Rejected, UnknownOutcome

_FIRST = timedelta(seconds=15)
_LONGEST = timedelta(hours=1)
_FOR_A_PERSON = timedelta(minutes=5)


def wait_before_retry(error: ConnectorError, attempts: int) -> timedelta | None:
    """How long to wait after so many attempts, this one included; None: do not try again."""
    if isinstance(error, Rejected | UnknownOutcome):
        return None
    backed_off = min(_FIRST * (1 << min(max(attempts - 1, 0), 12)), _LONGEST)
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return max(error.retry_after, timedelta(seconds=1))
    if isinstance(error, Misconfigured):
        # A person has to act first: hammering the provider with a wrong password locks accounts.
        return max(backed_off, _FOR_A_PERSON)
    return backed_off
