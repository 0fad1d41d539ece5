"""Who may be written to: suppressed addresses and what people said of topics; each change stops what is queued.

Whoever changes consent, and whoever hands a mail over, first holds the address: one is before the other, never beside.
"""

from store.consent.cancelling import cancel_barred, cancel_for, cancel_queued, queued_runs
from store.consent.preferences import Preference, consents, leave_all, preferences, save
from store.consent.suppressing import (
    REASONS,
    Reason,
    Suppressed,
    Suppressing,
    is_erased,
    lift,
    list_suppressed,
    page_of_suppressed,
    suppress,
)

__all__ = [
    "REASONS",
    "Preference",
    "Reason",
    "Suppressed",
    "Suppressing",
    "cancel_barred",
    "cancel_for",
    "cancel_queued",
    "consents",
    "is_erased",
    "leave_all",
    "lift",
    "list_suppressed",
    "page_of_suppressed",
    "preferences",
    "queued_runs",
    "save",
    "suppress",
]
