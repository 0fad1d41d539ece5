"""Why PostgreSQL takes no work for a while, in words for people who are to read no address and no statement."""

import psycopg
import sqlalchemy as sa

_BY_STATE = {
    "25006": "it is read-only",
    "25P03": "a time limit of its administrator ended this",
    "25P04": "a time limit of its administrator ended this",
    "40001": "others were changing the same",
    "40P01": "others were changing the same",
    "53100": "its disk is full",
    "53200": "it has no memory left",
    "53300": "all its connections are taken",
    "55P03": "a time limit of its administrator ended this",
    "57014": "a time limit of its administrator ended this",
}
_REFUSALS = {
    "too many": "all its connections are taken",
    "remaining connection slots": "all its connections are taken",
    "starting up": "it is starting",
    "shutting down": "it is being stopped",
    "recovery": "it is recovering",
}
"""By what stands in the words of a server that lets nobody in: of those, the driver tells no state."""


def why_away(error: BaseException) -> str | None:
    """What PostgreSQL itself says, as "its disk is full"; None where it says nothing, as nobody answers."""
    if isinstance(error, sa.exc.TimeoutError):
        return "all of our own connections to it are taken"
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    if cause.sqlstate:
        return _BY_STATE.get(cause.sqlstate)
    _, fatal, words = str(cause).partition("FATAL:")
    return next((said for part, said in _REFUSALS.items() if part in words), None) if fatal else None
