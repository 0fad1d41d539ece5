"""Delivers over SMTP (RFC 5321), step by step, so that the moment of no return is known exactly."""

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Never, Self

from pydantic import Field, model_validator

from connectors.email.message import build_message, envelope_address
from connectors.email.port import Accepted, OutgoingMail, Refused
from connectors.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome
from engine.values import Value

_AUTHENTICATION = (454, 530, 534, 535, 538)
_REUSE_FOR = 60.0
_CHECK_AFTER = 2.0
_MAILS_PER_CONNECTION = 100
_LONGEST_LINE = 8192
_LINE_OF_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpSettings(Value):
    """How to reach the server. Secrets are named, not written: `…_env` is an environment variable."""

    host: str = Field(min_length=1, description="the server's name")
    port: int = Field(587, ge=1, le=65535, description="587 with STARTTLS, 465 with TLS, 25 or 1025 plain")
    security: Literal["starttls", "tls", "plain"] = "starttls"
    user_env: str | None = Field(None, description="the environment variable that holds the user's name")
    password_env: str | None = Field(None, description="the environment variable that holds the password")
    return_path: str | None = Field(None, description="where bounces go; the sender's address by default")
    ca_file: str | None = Field(None, description="certificates to trust instead of the system's")
    timeout_seconds: float = Field(30, gt=0, le=300, description="how long to wait for one answer")
    connections: int = Field(4, ge=1, le=50, description="so many at once, each with one mail at a time")
    content_seconds: float = Field(
        120, gt=0, le=600, description="how long to wait for the answer to a whole mail, which servers look through"
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("user_env and password_env belong together")
        if self.user_env and self.security == "plain":
            raise ValueError("a password does not travel in plain text; use starttls or tls")
        return self


class SmtpTransport:
    """One server; its connections are kept between mails, and looked after before they are used again."""

    def __init__(self, settings: SmtpSettings, secret: Callable[[str], str | None]) -> None:
        self._settings = settings
        self._secret = secret
        self._idle: list[_Connection] = []
        self._trusts: ssl.SSLContext | None = None

    @property
    def at_once(self) -> int:
        return self._settings.connections

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        sender = envelope_address(self._settings.return_path or mail.from_address, "sender")
        recipient = envelope_address(mail.to_address, "recipient", international=True)
        message = build_message(mail, international=True)
        # What is closed meanwhile has a list of its own, and this connection ends with its mail.
        idle = self._idle
        connection = self._connection(idle)
        try:
            with _outage(self._where()):
                connection.offer(sender, recipient, len(message))
            hand_over()
            accepted = connection.hand_over(_as_data(message), self._where())
        except Rejected:
            # A definite no leaves the connection in order, but the server's idea of the mail has to be cleared.
            self._keep(connection, idle, usable=connection.reset())
            raise
        except BaseException:
            # Also when `hand_over` fails: closing without the final dot is how a mail is taken back.
            connection.close()
            raise
        self._keep(connection, idle)
        return accepted

    def look_up(self, message_id: str) -> Accepted | Refused | None:  # noqa: ARG002  # the port's word
        """SMTP keeps no record that could be asked."""
        return None

    def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connection(self, idle: list["_Connection"]) -> "_Connection":
        while True:
            try:
                # The one used last: those that are not needed grow old, and the server lets go of them.
                connection = idle.pop()
            except IndexError:
                break
            if connection.is_usable():
                return connection
            connection.close()
        with _outage(self._where()):
            return _Connection(self._settings, self._secret, self._trust())

    def _keep(self, connection: "_Connection", idle: list["_Connection"], *, usable: bool = True) -> None:
        if usable and idle is self._idle:
            idle.append(connection)
        else:
            connection.close()

    def _trust(self) -> ssl.SSLContext | None:
        """Made once: reading all the certificates there are takes as long as sending a hundred mails."""
        if self._trusts is None and self._settings.security != "plain":
            self._trusts = ssl.create_default_context(cafile=self._settings.ca_file)
        return self._trusts

    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"


_ANSWERS = ((250,), (250, 251), (354,))
"""What MAIL, RCPT and DATA are answered with where all is well."""


class _Connection:
    """A session with the server, ready for mail."""

    def __init__(
        self, settings: SmtpSettings, secret: Callable[[str], str | None], context: ssl.SSLContext | None
    ) -> None:
        self._settings = settings
        if settings.security == "tls":
            self._smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_seconds, context=context
            )
        else:
            self._smtp = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
        try:
            self._begin(settings, secret, context)
        except BaseException:
            self.close()
            raise
        assert self._smtp.sock is not None
        self._sock = self._smtp.sock
        self._heard = b""
        self._opened = self._used = time.monotonic()
        self._mails = 0

    def _begin(
        self, settings: SmtpSettings, secret: Callable[[str], str | None], context: ssl.SSLContext | None
    ) -> None:
        if settings.security == "starttls":
            self._smtp.starttls(context=context)
        if settings.user_env and settings.password_env:
            self._smtp.login(_given(secret, settings.user_env), _given(secret, settings.password_env))
        else:
            self._smtp.ehlo_or_helo_if_needed()

    def is_usable(self) -> bool:
        now = time.monotonic()
        if self._mails >= _MAILS_PER_CONNECTION or now - self._opened > _REUSE_FOR:
            return False
        return now - self._used < _CHECK_AFTER or self._answers("NOOP")

    def reset(self) -> bool:
        return self._answers("RSET")

    def offer(self, sender: str, recipient: str, size: int) -> None:
        """Everything up to the server's word that it is ready for the content."""
        self._mails += 1
        mail, has = f"MAIL FROM:<{sender}>", self._smtp.has_extn
        if has("size"):
            mail += f" SIZE={size}"
        if not recipient.isascii():
            if not has("smtputf8"):
                raise Rejected("the recipient's address is not ASCII, and the mail server does not offer SMTPUTF8")
            mail += " BODY=8BITMIME SMTPUTF8"
        commands = (mail, f"RCPT TO:<{recipient}>", "DATA")
        if has("pipelining"):
            self._ask_at_once(commands)
            return
        for command, wanted in zip(commands, _ANSWERS, strict=True):
            self._send(command)
            code, reply = self._reply(self._settings.timeout_seconds)
            if code not in wanted:
                raise smtplib.SMTPResponseException(code, reply)

    def hand_over(self, content: bytes, where: str) -> Accepted:
        """The content and its final dot. Once the dot has left, silence means that nobody knows."""
        try:
            self._sock.settimeout(self._settings.timeout_seconds)
            self._sock.sendall(content)
        except OSError as error:
            # The dot is the last to leave: a mail that did not leave as a whole has no end, and no server takes it.
            raise Unavailable(f"{where} hung up within the mail: {type(error).__name__}") from error
        try:
            code, reply = self._reply(self._settings.content_seconds)
        except OSError as error:
            raise UnknownOutcome(f"{where} took the mail and did not answer: {type(error).__name__}") from error
        self._used = time.monotonic()
        if code == 250:
            return Accepted(provider_id=_text(reply)[:200])
        if 400 <= code <= 599:
            _refuse(code, reply, where)
        raise UnknownOutcome(f"{where} took the mail and answered {code}, which means nothing here")

    def close(self) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            self._smtp.close()

    def _ask_at_once(self, commands: Sequence[str]) -> None:
        """One journey instead of three (RFC 2920). What was refused first is the reason for all that follows."""
        self._send("\r\n".join(commands))
        replies = [self._reply(self._settings.timeout_seconds) for _ in commands]
        refused = [reply for reply, wanted in zip(replies, _ANSWERS, strict=True) if reply[0] not in wanted]
        if not refused:
            return
        if replies[-1][0] == 354:
            # The server is ready for a content for nobody; it has to be ended before the next command.
            self._send(".")
            self._reply(self._settings.timeout_seconds)
        raise smtplib.SMTPResponseException(*refused[0])

    def _send(self, lines: str) -> None:
        self._sock.settimeout(self._settings.timeout_seconds)
        # Addresses are the only part that may be other than ASCII, and only where SMTPUTF8 was offered.
        self._sock.sendall(f"{lines}\r\n".encode())

    def _reply(self, seconds: float) -> tuple[int, bytes]:
        """One whole answer within so many seconds, also from a server that sends byte by byte; raises OSError."""
        until = time.monotonic() + seconds
        lines = [self._line(until)]
        while lines[-1][3:4] == b"-" and lines[-1][:3].isdigit():
            lines.append(self._line(until))
        code = lines[-1][:3]
        return int(code) if code.isdigit() else -1, b" ".join(line[4:].strip() for line in lines)

    def _line(self, until: float) -> bytes:
        while b"\n" not in self._heard:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            self._sock.settimeout(left)
            more = self._sock.recv(4096)
            if not more or len(self._heard) > _LONGEST_LINE:
                raise ConnectionAbortedError("the server hung up, or does not speak SMTP")
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def _answers(self, verb: str) -> bool:
        try:
            self._send(verb)
            return self._reply(self._settings.timeout_seconds)[0] == 250
        except OSError:
            return False


def _given(secret: Callable[[str], str | None], name: str) -> str:
    value = secret(name)
    if value is None:
        raise Misconfigured(f"the environment variable {name} is not set; it holds a part of the mail server's login")
    return value


@contextlib.contextmanager
def _outage(where: str) -> Iterator[None]:
    """Before the mail is handed over, every fault is one of the four: nothing has happened."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        _refuse(error.smtp_code if error.smtp_code < 500 else 535, error.smtp_error, where)
    except smtplib.SMTPNotSupportedError as error:
        raise Misconfigured(f"{where} does not offer what the settings ask for: {error}") from error
    except FileNotFoundError as error:
        raise Misconfigured("the file of trusted certificates, ca_file, is not there") from error
    except ssl.SSLCertVerificationError as error:
        raise Misconfigured(f"the certificate of {where} is not trusted: {error.verify_message}") from error
    except smtplib.SMTPConnectError as error:
        # A server that turns every visitor away says nothing about this one mail.
        raise Unavailable(f"{where} does not take connections: {error.smtp_code} {_text(error.smtp_error)}") from error
    except smtplib.SMTPResponseException as error:
        _refuse(error.smtp_code, error.smtp_error, where)
    except socket.gaierror as error:
        raise Unavailable(f"the name of {where} cannot be looked up") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"{where} is not available: {type(error).__name__}: {error}") from error


def _refuse(code: int, reply: bytes | str, where: str) -> Never:
    """The class of a definite no, from its code alone."""
    says = f"{where} answered {code} {_text(reply)}"[:300]
    if code in _AUTHENTICATION and code >= 500:
        raise Misconfigured(says)
    if 500 <= code <= 599:
        raise Rejected(says)
    raise Unavailable(says)


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())


def _as_data(message: bytes) -> bytes:
    """The message as DATA wants it: leading dots doubled, a lone dot at the end."""
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    return _LINE_OF_DOT.sub(b"..", ended) + b".\r\n"
