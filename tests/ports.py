"""Ports for servers that can only be told a number."""

import contextlib
import random
import socket


def free_port() -> int:
    """Below the ports that the kernel gives to whoever asks for any: until the server is there, and while it is stopped
    for a moment, nobody is given this one, and nobody who knocks in vain connects to himself."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
