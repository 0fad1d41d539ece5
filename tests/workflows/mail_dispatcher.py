"""A dispatcher to be killed: reads orders from stdin, forks a child for each, which dies where it was told to.

An order is JSON: {"points": [[point, count], …] one child each, "now": ISO}. A child dies with SIGKILL when it passes
its point for the count-th time; the point "time" counts milliseconds. Answers one line when all children are gone.
With no points the parent itself dispatches, once, so that its children need not compile every statement anew.
"""

import json
import os
import signal
import smtplib
import sys
import threading
from datetime import datetime

import email_validator  # noqa: F401  # loaded before the forks, or each child would take its time to
import structlog

from connectors.email.smtp import SmtpSettings, SmtpTransport
from store import mails
from store.postgres.database import engine_for
from workflows.mail_stream import MailStream

CONTENT_END = b"\r\n.\r\n"


class Killer:
    def __init__(self, point, count):
        self.point, self.left = point, count
        if point == "time":
            threading.Timer(count / 1000, self._kill).start()

    def passes(self, point):
        if point == self.point:
            self.left -= 1
            if self.left <= 0:
                self._kill()

    def _kill(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Deadly(SmtpTransport):
    def __init__(self, port, killer):
        settings = SmtpSettings(
            host="localhost", port=port, security="plain", timeout_seconds=0.25, content_seconds=0.25
        )
        super().__init__(settings, lambda _: None)
        self.killer = killer

    def deliver(self, mail, hand_over):
        def deadly_hand_over():
            self.killer.passes("before handing over")
            hand_over()
            self.killer.passes("after handing over")

        accepted = super().deliver(mail, deadly_hand_over)
        self.killer.passes("after the answer")
        return accepted


def make_deadly(killer):
    claim_due, settle_all, send = mails.claim_due, mails.settle_all, smtplib.SMTP.send

    def deadly_claim(*args):
        claim = claim_due(*args)
        killer.passes("after claiming")
        return claim

    def deadly_handing_over(hand_over):
        def handing_over(*args):
            bars = hand_over(*args)
            killer.passes("before the commit of handing over")
            return bars

        return handing_over

    def deadly_settle_all(*args):
        done = settle_all(*args)
        killer.passes("before the commit of settling")
        return done

    def deadly_send(self, content):
        if isinstance(content, bytes) and content.endswith(CONTENT_END):
            send(self, content[: len(content) // 2])
            killer.passes("in the middle of the content")
            send(self, content[len(content) // 2 : -3])
            killer.passes("before the last dot")
            send(self, content[-3:])
            killer.passes("after the last dot")
        else:
            send(self, content)

    mails.claim_due, mails.settle_all = deadly_claim, deadly_settle_all
    mails.handing_over = deadly_handing_over(mails.handing_over)
    mails.handing_over_together = deadly_handing_over(mails.handing_over_together)
    smtplib.SMTP.send = deadly_send  # type: ignore[method-assign]


def dispatch(engine, port, killer, now):
    stream = MailStream(engine, {"email": Deadly(port, killer)})
    stream.dispatch_due(now)
    stream.close()


def main():
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    engine, port = engine_for(sys.argv[1], pool_size=1), int(sys.argv[2])
    for line in sys.stdin:
        order = json.loads(line)
        now = datetime.fromisoformat(order["now"])
        pids = []
        if not order["points"]:
            dispatch(engine, port, Killer("never", 1), now)
            engine.dispose()
        for point, count in order["points"]:
            pid = os.fork()
            if pid == 0:
                try:
                    killer = Killer(point, count)
                    make_deadly(killer)
                    dispatch(engine, port, killer, now)
                finally:
                    os._exit(0)
            pids.append(pid)
        killed = sum(os.WIFSIGNALED(os.waitpid(pid, 0)[1]) for pid in pids)
        sys.stdout.write(f"{killed}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
