"""A mail's life as rows: prepared by a run, claimed by a dispatcher, handed over, settled once; the run is told.

The state `handing_over` is committed just before a mail leaves, so a row found `prepared` is safe to send, and one
found `handing_over` without its dispatcher may have left. A dispatcher is alive while its own connection holds the
advisory lock of the mail. Locks are taken addresses first, then account, run, contact, and mail.
"""

from store.mails.bars import Bar
from store.mails.claiming import Claim, claim_due, look_later, next_due, orphans, park, release, wait
from store.mails.handing import handing_over, handing_over_together
from store.mails.holding import hold_addresses
from store.mails.preparing import CHANNEL, message_id, prepare, skip_unsent
from store.mails.rows import Draft, Mail, Settled, State, find_mail
from store.mails.settling import Settlement, settle, settle_all
from store.mails.steering import cancel, resend, say

__all__ = [
    "CHANNEL",
    "Bar",
    "Claim",
    "Draft",
    "Mail",
    "Settled",
    "Settlement",
    "State",
    "cancel",
    "claim_due",
    "find_mail",
    "handing_over",
    "handing_over_together",
    "hold_addresses",
    "look_later",
    "message_id",
    "next_due",
    "orphans",
    "park",
    "prepare",
    "release",
    "resend",
    "say",
    "settle",
    "settle_all",
    "skip_unsent",
    "wait",
]
