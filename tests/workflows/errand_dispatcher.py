"""A dispatcher to be killed: carries out what is due, again and again, and dies by SIGKILL at the point it was told.

Arguments: the database, the receiver's address, the point, and how often it is passed before.
"""

import itertools
import os
import signal
import sys

from connectors.chat.stored import StoredChat
from connectors.webhook.http import HttpCaller, HttpSettings
from store import errands
from store.database import engine_for
from tests.mailing import NOW
from workflows.errands import ErrandStream, Outside

_, URL, ADDRESS, POINT, COUNT = sys.argv
left = itertools.count(int(COUNT), -1)


def passes(point: str) -> None:
    if point == POINT and next(left) <= 0:
        os.kill(os.getpid(), signal.SIGKILL)


class Deadly(HttpCaller):
    def call(self, request, hand_over):
        def deadly_hand_over():
            passes("before handing over")
            hand_over()
            passes("after handing over")

        answered = super().call(request, deadly_hand_over)
        passes("after the answer")
        return answered


def deadly_settle(*args, **kwargs):
    settled = real_settle(*args, **kwargs)
    passes("before the commit of settling")
    return settled


real_settle = errands.settle
errands.settle = deadly_settle
caller = Deadly(HttpSettings(url=ADDRESS, allow_private=True, total_seconds=2), lambda _name: None)
stream = ErrandStream(engine_for(URL), Outside(webhook=lambda _name: caller, chat=lambda _name: StoredChat()))
stream.dispatch_due(NOW)
