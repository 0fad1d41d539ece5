"""Has several mails on their way to one transport at a time, each in a thread of its own; it knows no database.

The threads bring their moments to the one that owns the database's connection: mails that are about to leave, which
wait for its word, and mails that are back. What waits at the same time is answered by the same commit.
"""

import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue

from connectors.email.port import Accepted, OutgoingMail, Transport
from store.mails import Bar, Mail


@dataclass(frozen=True)
class Asking:
    """A mail that has all but left, and stands still until it is answered."""

    mail: Mail
    answer: Future[Bar | None]


@dataclass(frozen=True)
class Back:
    """A mail that its transport is done with."""

    mail: Mail
    outcome: Accepted | BaseException
    """Barred, or what the transport raised; an error of nobody's kind is the transport's own mistake."""
    handed_over: bool


class Barred(Exception):
    """Raised through a transport that had all but sent the mail."""

    def __init__(self, bar: Bar) -> None:
        super().__init__(bar.reason)
        self.bar = bar


class NoAnswer(Exception):
    """Raised through a transport when nobody can say whether the mail may leave: so it does not."""


class Flight:
    """Mails on their way by one transport, so many at once. Its owner has to `land` it, or threads would wait for ever.

    `waiting` are those that have not started.
    """

    def __init__(
        self, transport: Transport, mails: Iterable[Mail], now: datetime, threads: ThreadPoolExecutor, at_once: int
    ) -> None:
        self.transport = transport
        self.now = now
        self._threads = threads
        self._at_once = at_once
        self._moments: SimpleQueue[Asking | Back] = SimpleQueue()
        self.waiting = deque(mails)
        self.in_the_air = 0

    def start(self) -> None:
        """As many as there is room for, in their order."""
        while self.waiting and self.in_the_air < self._at_once:
            self.in_the_air += 1
            self._threads.submit(self._carry, self.waiting.popleft())

    def moments(self) -> tuple[list[Asking], list[Back]]:
        """What has happened since; waits until something has."""
        found = [self._moments.get()]
        while True:
            try:
                found.append(self._moments.get_nowait())
            except Empty:
                break
        asking = [one for one in found if isinstance(one, Asking)]
        back = [one for one in found if isinstance(one, Back)]
        self.in_the_air -= len(back)
        return asking, back

    def land(self, unanswered: Iterable[Asking] = ()) -> list[Back]:
        """Nothing leaves any more; what became of the mails that are still in the air."""
        landed: list[Back] = []
        _turn_away(unanswered)
        while self.in_the_air:
            asking, back = self.moments()
            _turn_away(asking)
            landed += back
        return landed

    def _carry(self, mail: Mail) -> None:
        handed_over = threading.Event()

        def hand_over() -> None:
            answer: Future[Bar | None] = Future()
            self._moments.put(Asking(mail, answer))
            bar = answer.result()
            if bar is not None:
                raise Barred(bar)
            handed_over.set()

        outcome: Accepted | BaseException
        try:
            outcome = self.transport.deliver(_outgoing(mail, self.now), hand_over)
        except BaseException as error:  # noqa: BLE001  # whatever it is, somebody waits for this mail
            outcome = error
        self._moments.put(Back(mail, outcome, handed_over.is_set()))


def _turn_away(asking: Iterable[Asking]) -> None:
    for one in asking:
        if not one.answer.done():
            one.answer.set_exception(NoAnswer())


def _outgoing(mail: Mail, now: datetime) -> OutgoingMail:
    return OutgoingMail(
        message_id=mail.message_id,
        to_address=mail.to_address,
        to_name=mail.to_name,
        from_address=mail.from_address,
        from_name=mail.from_name,
        reply_to=mail.reply_to,
        replies_to=mail.replies_to,
        subject=mail.subject,
        html=mail.html,
        plain=mail.plain,
        unsubscribe_url=mail.unsubscribe_url,
        category=mail.category,
        at=now,
    )
