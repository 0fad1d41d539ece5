"""What becomes of a mail that may or may not have left, by its author's word."""

from typing import Literal

OnUnknown = Literal["ask", "resend_once"]
"""ask: a person decides, and by itself it is never sent again; resend_once: it is, when nothing was heard of it."""
