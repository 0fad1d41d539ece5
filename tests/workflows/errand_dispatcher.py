"""A dispatcher to be killed: reads orders from stdin and forks a child for each, which dies where it was told to.

An order is JSON: the database, the receiver's address, and the point at which the child dies by SIGKILL when it comes
there for the second time. Answers one line: the signal that ended the child. The parent knows all that it needs before
it forks, so that children need not load it.
"""

import itertools
import json
import os
import signal
import sys

import structlog

from connectors.chat.stored import StoredChat
from connectors.webhook.http import HttpCaller, HttpSettings
from store import errands
from store.postgres.database import engine_for
from tests.mailing import NOW
from tests.waiting import PATIENCE
from workflows.errands import ErrandStream, Outside


class Deadly(HttpCaller):
    def __init__(self, address, passes):
        settings = HttpSettings(url=address, allow_private=True, total_seconds=PATIENCE)
        super().__init__(settings, lambda _name: None)
        self.passes = passes

    def call(self, request, hand_over):
        def deadly_hand_over():
            self.passes("before handing over")
            hand_over()
            self.passes("after handing over")

        answered = super().call(request, deadly_hand_over)
        self.passes("after the answer")
        return answered


def dispatch(database, address, last):
    left = itertools.count(1, -1)

    def passes(point):
        if point == last and next(left) <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly_settle(*args, **kwargs):
        settled = settle(*args, **kwargs)
        passes("before the commit of settling")
        return settled

    settle, errands.settle = errands.settle, deadly_settle
    caller = Deadly(address, passes)
    stream = ErrandStream(engine_for(database), Outside(webhook=lambda _name: caller, chat=lambda _name: StoredChat()))
    stream.dispatch_due(NOW)


def main():
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                dispatch(**order)
            finally:
                os._exit(0)
        status = os.waitpid(pid, 0)[1]
        sys.stdout.write(f"{os.WTERMSIG(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
