"""A mail server in a mood, and dispatchers that are killed."""

import asyncio
import collections
import email
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests.ports import free_port
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


class Receiver:
    """Counts what it was brought and what it has taken; is sometimes late, sometimes cuts the line, sometimes wants
    nothing now."""

    def __init__(self, chance):
        self.chance = chance
        self.share = 0.06
        """Of each mood."""
        self.tried: collections.Counter[str] = collections.Counter()
        self.received: collections.Counter[str] = collections.Counter()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        mood = self.chance.random()
        message = email.message_from_bytes(envelope.content)
        self.tried[message["Message-ID"]] += 1
        if mood < self.share:
            return "451 not now"
        self.received[message["Message-ID"]] += 1
        if mood < 2 * self.share:
            await asyncio.sleep(0.4)
        elif mood < 3 * self.share:
            server.transport.abort()
        return "250 kept"


@pytest.fixture
def receiver():
    """(what receives, its port)."""
    port = free_port()
    receiver = Receiver(random.Random(7))
    controller = Controller(receiver, hostname="localhost", port=port, ready_timeout=PATIENCE)
    controller.start()
    yield receiver, port
    controller.stop()


@pytest.fixture
def order(database, receiver):
    """Have dispatchers started, one for each point, and killed there; gives how many were."""
    program = [sys.executable, str(Path(__file__).with_name("mail_dispatcher.py")), database, str(receiver[1])]
    process = subprocess.Popen(
        program, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=-1, stdout=-1, stderr=-3, text=True
    )

    assert process.stdin
    assert process.stdout
    to, answers = process.stdin, process.stdout

    def order(points, now):
        to.write(json.dumps({"points": points, "now": now.isoformat()}) + "\n")
        to.flush()
        return int(answers.readline())

    yield order
    process.communicate(timeout=PATIENCE)
