"""Delivers over SMTP (RFC 5321), step by step, so that the moment of no return is known exactly."""

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
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

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("user_env and password_env belong together")
        if self.user_env and self.security == "plain":
            raise ValueError("a password does not travel in plain text; use starttls or tls")
        return self


class SmtpTransport:
    """One server; its connection is kept between mails, and looked after before it is used again."""

    def __init__(self, settings: SmtpSettings, secret: Callable[[str], str | None]) -> None:
        self._settings = settings
        self._secret = secret
        self._open: _Connection | None = None

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        sender = envelope_address(self._settings.return_path or mail.from_address, "sender")
        recipient = envelope_address(mail.to_address, "recipient")
        content = _as_data(build_message(mail))
        connection = self._connection()
        try:
            with _outage(self._where()):
                connection.offer(sender, recipient)
            hand_over()
            accepted = connection.hand_over(content, self._where())
        except Rejected:
            # A definite no leaves the connection in order, but the server's idea of the mail has to be cleared.
            if not connection.reset():
                self.close()
            raise
        except BaseException:
            # Also when `hand_over` fails: closing without the final dot is how a mail is taken back.
            self.close()
            raise
        return accepted

    def look_up(self, message_id: str) -> Accepted | Refused | None:  # noqa: ARG002  # the port's word
        """SMTP keeps no record that could be asked."""
        return None

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> "_Connection":
        if self._open is not None and not self._open.is_usable():
            self.close()
        if self._open is None:
            with _outage(self._where()):
                self._open = _Connection(self._settings, self._secret)
        return self._open

    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"


class _Connection:
    """A session with the server, ready for mail."""

    def __init__(self, settings: SmtpSettings, secret: Callable[[str], str | None]) -> None:
        context = ssl.create_default_context(cafile=settings.ca_file)
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
        self._opened = self._used = time.monotonic()
        self._mails = 0

    def _begin(self, settings: SmtpSettings, secret: Callable[[str], str | None], context: ssl.SSLContext) -> None:
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

    def offer(self, sender: str, recipient: str) -> None:
        """Everything up to the server's word that it is ready for the content."""
        self._mails += 1
        self._ask("MAIL", f"FROM:<{sender}>", 250)
        self._ask("RCPT", f"TO:<{recipient}>", 250, 251)
        self._ask("DATA", "", 354)

    def hand_over(self, content: bytes, where: str) -> Accepted:
        """The content and its final dot. From the first byte on, silence means that nobody knows."""
        try:
            self._smtp.send(content)
            code, reply = self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
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

    def _ask(self, verb: str, rest: str, *wanted: int) -> None:
        code, reply = self._smtp.docmd(verb, rest)
        if code not in wanted:
            raise smtplib.SMTPResponseException(code, reply)

    def _answers(self, verb: str) -> bool:
        try:
            return self._smtp.docmd(verb)[0] == 250
        except (OSError, smtplib.SMTPException):
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
