"""A mailbox for replies that is asked over IMAP (RFC 3501): what it took gets a mark, and nothing is ever deleted."""

import contextlib
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from connectors.errors import Misconfigured, Unavailable
from connectors.replies.port import Held
from engine.values import Value

if TYPE_CHECKING:
    from imapclient import IMAPClient

_MARK = b"$TenureTaken"
_MOST_BYTES = 2_000_000
"""What a person wrote stands in front; attachments behind it are not even fetched."""
_HERE = ("localhost", "127.0.0.1", "::1")


class ImapSettings(Value):
    """Which mailbox to ask. Secrets are named, not written: `…_env` is an environment variable."""

    address: str = Field(description="the mailbox's address; each mail has its own, with a + and a token in it")
    host: str = Field(min_length=1, description="the server's name")
    port: int = Field(993, ge=1, le=65535, description="993 with TLS, 143 with STARTTLS")
    security: Literal["tls", "starttls", "plain"] = "tls"
    user_env: str = Field(min_length=1, description="the environment variable that holds the user's name")
    password_env: str = Field(min_length=1, description="the environment variable that holds the password")
    folder: str = Field("INBOX", min_length=1, description="the folder to look into")
    ca_file: str | None = Field(None, description="certificates to trust instead of the system's")
    timeout_seconds: float = Field(30, gt=0, le=300, description="how long to wait for the server")

    @model_validator(mode="after")
    def _keeps_the_password_safe(self) -> Self:
        if self.security == "plain" and self.host not in _HERE:
            raise ValueError("a password does not travel in plain text; use tls or starttls")
        return self


class ImapMailbox:
    """One folder. The connection is opened when asked for and kept until something goes wrong."""

    def __init__(self, settings: ImapSettings, secret: Callable[[str], str | None]) -> None:
        self._settings = settings
        self._secret = secret
        self._client: IMAPClient | None = None
        self._mark = _MARK

    def new(self, most: int) -> Sequence[Held]:
        with self._outage():
            client = self._open()
            # A mailbox that keeps no marks of ours has only the one that says "read".
            criteria = ["UNSEEN"] if self._mark == b"\\Seen" else ["UNKEYWORD", _MARK]
            numbers = sorted(client.search(criteria))[:most]
            if not numbers:
                return ()
            # One by one: a batch of large ones would have to be held at once. PEEK leaves them unread for people.
            return tuple(Held(number=number, raw=self._fetched(client, number)) for number in numbers)

    def taken(self, numbers: Sequence[int]) -> None:
        if numbers:
            with self._outage():
                self._open().add_flags(list(numbers), [self._mark], silent=True)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.shutdown()

    def _fetched(self, client: "IMAPClient", number: int) -> bytes:
        answer = client.fetch([number], [f"BODY.PEEK[]<0.{_MOST_BYTES}>"]).get(number, {})
        return next((value for key, value in answer.items() if key.startswith(b"BODY[]") and value), b"")

    def _open(self) -> "IMAPClient":
        if self._client is not None:
            return self._client
        from imapclient import IMAPClient

        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file)
        client = IMAPClient(
            settings.host,
            settings.port,
            ssl=settings.security == "tls",
            ssl_context=context if settings.security == "tls" else None,
            timeout=settings.timeout_seconds,
        )
        try:
            if settings.security == "starttls":
                client.starttls(context)
            client.login(self._given(settings.user_env), self._given(settings.password_env))
            selected = client.select_folder(settings.folder)
        except BaseException:
            with contextlib.suppress(Exception):
                client.shutdown()
            raise
        keeps = selected.get(b"PERMANENTFLAGS", ())
        self._mark = _MARK if b"\\*" in keeps or _MARK in keeps else b"\\Seen"
        self._client = client
        return client

    def _given(self, name: str) -> str:
        value = self._secret(name)
        if value is None:
            raise Misconfigured(f"the environment variable {name} is not set; it holds a part of the mailbox's login")
        return value

    @contextlib.contextmanager
    def _outage(self) -> Iterator[None]:
        """Every fault is one of ours, and the next call begins with a new connection."""
        from imapclient.exceptions import IMAPClientError, LoginError

        where = f"{self._settings.host}:{self._settings.port}"
        try:
            yield
        except Misconfigured:
            self.close()
            raise
        except LoginError as error:
            self.close()
            names = f"{self._settings.user_env} and {self._settings.password_env}"
            raise Misconfigured(f"{where} refuses the login; check {names}") from error
        except FileNotFoundError as error:
            self.close()
            raise Misconfigured("the file of trusted certificates, ca_file, is not there") from error
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise Misconfigured(f"the certificate of {where} is not trusted: {error.verify_message}") from error
        except (IMAPClientError, OSError, ValueError) as error:
            self.close()
            if "select" in str(error).lower() and "failed" in str(error).lower():
                raise Misconfigured(f"{where} has no folder {self._settings.folder!r}") from error
            raise Unavailable(f"{where} is not available: {type(error).__name__}: {str(error)[:200]}") from error
