import contextlib
import datetime as dt
import email
import email.policy
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.email.port import OutgoingMail
from tests.ports import free_port
from tests.waiting import PATIENCE


@pytest.fixture
def mail():
    """A good mail, with parts replaced as asked."""

    def made(**changes):
        values: dict[str, Any] = {
            "message_id": "<1a2b3c@corp.test>",
            "to_address": "kim@customer.test",
            "to_name": "Kim Nguyễn",
            "from_address": "success@corp.test",
            "from_name": "Robin of Corp",
            "reply_to": "robin@corp.test",
            "subject": "How is it going?",
            "html": "<p>Hello</p>",
            "plain": "Hello\n.\nwith a lone dot\n",
            "unsubscribe_url": "https://mail.corp.test/u/abc",
            "at": dt.datetime(2026, 11, 22, 9, tzinfo=dt.UTC),
        }
        return OutgoingMail(**(values | changes))

    return made


@dataclass
class Arrivals:
    """An aiosmtpd handler: what arrived, and what to answer."""

    messages: list[Any] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    answer: str = "250 2.0.0 kept as 7"
    connections: int = 0
    pipelining: bool = False

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802  # aiosmtpd's name
        self.connections += 1
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]] if self.pipelining else responses

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        if self.answer.startswith("250"):
            self.messages.append(email.message_from_string(envelope.content.decode(), policy=email.policy.default))
        return self.answer


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(certificate, key) files of a server called localhost, trusted by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def server_context(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def smtp_server(server_context):
    """Start a real SMTP server: `start("starttls" | "tls" | "plain", user="…") -> (Arrivals, port)`."""
    running = []

    def start(security="starttls", user=None):
        arrivals = Arrivals()

        def authenticate(server, session, envelope, mechanism, data):
            ok = (data.login, data.password) == (user.encode(), b"open sesame")
            return AuthResult(success=ok, handled=False)

        options: dict[str, Any] = {"auth_required": True, "authenticator": authenticate} if user else {}
        if security == "starttls":
            options |= {"tls_context": server_context, "require_starttls": True}
        if security == "tls":
            options |= {"auth_require_tls": False}
        controller = Controller(
            arrivals,
            hostname="localhost",
            port=free_port(),
            ready_timeout=PATIENCE,
            ssl_context=server_context if security == "tls" else None,
            **options,
        )
        controller.start()
        running.append(controller)
        return arrivals, controller.port

    yield start
    for controller in running:
        controller.stop()


class ScriptedServer:
    """Speaks SMTP by script: per phase an answer, "cut", "silence", "drip" or "late". `content` came after DATA."""

    def __init__(self):
        self.script = {}
        self.content = []
        self.phases = []
        self.commands = []
        self._socket = socket.create_server(("localhost", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError):
                self._session(connection, lines)

    def _session(self, connection, lines):
        if not self._answer(connection, "connect", "220 ready"):
            return
        while line := lines.readline():
            self.commands.append(line.decode().strip())
            verb = line.split()[0].decode().upper()
            if not self._answer(connection, verb, "354 go on" if verb == "DATA" else "250 fine"):
                return
            if verb == "DATA" and self.script.get("DATA", "354").startswith("354"):
                if self.script.get("content") == "cut at once":
                    self.phases.append("content")
                    return
                received = b""
                while (part := lines.readline()) not in (b".\r\n", b""):
                    received += part
                if part:
                    self.content.append(received)
                    if not self._answer(connection, "content", "250 kept"):
                        return

    def _answer(self, connection, phase, default):
        self.phases.append(phase)
        answer = self.script.get(phase, default)
        if answer == "cut":
            return False
        for _ in range(250) if answer == "drip" else ():
            connection.sendall(b"2")
            time.sleep(0.02)
        if answer == "late":
            time.sleep(0.8)
            connection.sendall(b"250 at last\r\n")
        elif answer != "silence":
            connection.sendall(answer.encode() + b"\r\n")
        return True


@pytest.fixture
def scripted_server():
    server = ScriptedServer()
    yield server
    server.close()
