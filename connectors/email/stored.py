"""Keeps mail in Tenure's own store: everything runs as it would, and nothing leaves."""

from collections.abc import Callable

from connectors.email.message import build_message
from connectors.email.port import Accepted, OutgoingMail, Refused


class StoredTransport:
    """`keep` stores a mail, and storing it twice keeps one; `kept` says whether it has. Both are the application's."""

    at_once = 16
    """Nobody has to be waited for; mails in one company share the commits around them."""

    def __init__(self, keep: Callable[[OutgoingMail], None], kept: Callable[[str], bool]) -> None:
        self._keep = keep
        self._kept = kept

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        # What no provider could send is refused here as well, or the first real provider would bring surprises.
        build_message(mail)
        hand_over()
        self._keep(mail)
        return Accepted(provider_id=None)

    def look_up(self, message_id: str) -> Accepted | Refused | None:
        return Accepted() if self._kept(message_id) else Refused(reason="it was not kept")

    def close(self) -> None:
        """Nothing is open."""
