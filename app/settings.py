"""The settings, read once from the environment; no other module reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from app.errors import SettingsError

LogFormat = Literal["json", "console"]

_TEMPORAL_VARIABLES = ("TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where Tenure keeps its things, which servers it uses and how it faces the network."""

    home: Path
    """Where the embedded servers keep data and logs."""
    database_url: str | None = field(repr=False)
    """PostgreSQL for SQLAlchemy, password included; None means the embedded server."""
    temporal_configured: bool
    """Whether Temporal's own environment names a server; otherwise the embedded one is used."""
    api_token: str | None = field(repr=False)
    """What a caller of the JSON API must present; None means that the API asks for nothing (local use)."""
    web_host: str
    web_port: int
    """0 means: any free port."""
    public_url: str | None
    """The address under which customers reach unsubscribe and survey pages, without a final slash."""
    signing_key: str | None = field(repr=False, default=None)
    """What links in mails are signed with; None means a key that the database makes for itself."""
    openid: tuple[str, str, str | None] | None = field(repr=False, default=None)
    """Issuer, client id and client secret at the identity provider; None means passwords alone."""
    tell_private: bool = False
    """Whether programs that are told what happens may lie in a private network, or be called by plain http."""
    log_format: LogFormat | None
    """None means: console on a terminal, otherwise JSON."""

    @property
    def address_file(self) -> Path:
        """Where `up` and `demo` write the address of their pages."""
        return self.home / "logs" / "web.address"


def read_settings(home: Path | None = None) -> Settings:
    """Read every setting, or say which variable is wrong; `home`, from the command line, goes before TENURE_HOME."""
    return Settings(
        home=(home or Path(_text("TENURE_HOME") or ".tenure")).expanduser().resolve(),
        database_url=_database_url(),
        temporal_configured=_temporal_configured(),
        api_token=_long_secret("TENURE_API_TOKEN", "the API"),
        web_host=_text("TENURE_WEB_HOST") or "127.0.0.1",
        web_port=_port("TENURE_WEB_PORT"),
        public_url=_public_url(),
        signing_key=_long_secret("TENURE_SIGNING_KEY", "links"),
        openid=_openid(),
        tell_private=_yes("TENURE_TELL_PRIVATE"),
        log_format=_log_format(),
    )


def secret(name: str) -> str | None:
    """Read a secret from the variable, or from the file that NAME_FILE points to (as container secrets are given)."""
    value, file = _text(name), _text(f"{name}_FILE")
    if value and file:
        raise SettingsError(name, f"and {name}_FILE are both set", "Set only one of them.")
    if not file:
        return value
    try:
        content = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"{name}_FILE", f"cannot be read ({file}: {reason})", "Point it to a text file.") from error
    if not content:
        raise SettingsError(f"{name}_FILE", f"points to an empty file ({file})", "Put the secret into it.")
    return content


def _text(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    # Compose files and CI hand over unset variables as empty ones.
    return environment.get(name, "").strip() or None


def _database_url() -> str | None:
    name = "TENURE_DATABASE_URL"
    url = secret(name)
    if url is None:
        return None
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        # The value may hold a password, so it is not repeated.
        raise SettingsError(name, "is not a PostgreSQL URL", "Write postgresql://user:password@host:5432/database.")
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise SettingsError(name, "has an unusable port", "Write it as a number: …@host:5432/database.") from error
    return f"postgresql+psycopg://{rest}"


def _temporal_configured() -> bool:
    file = _text("TEMPORAL_CONFIG_FILE")
    if file and not Path(file).is_file():
        # Temporal's own loader takes a missing file for an empty one, and would knock at localhost.
        raise SettingsError("TEMPORAL_CONFIG_FILE", f"points to no file ({file})", "Correct the path, or unset it.")
    return any(_text(name) for name in _TEMPORAL_VARIABLES)


def _port(name: str) -> int:
    value = _text(name) or "0"
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
        raise SettingsError(name, f"is {value!r}, which is no port", "Use 1 to 65535, or 0 for a free one.")
    return int(value)


def _public_url() -> str | None:
    name = "TENURE_PUBLIC_URL"
    url = _text(name)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(name, f"is {url!r}, which is no web address", "Write it like https://cs.example.com.")
    return url.rstrip("/")


def _long_secret(name: str, safe: str) -> str | None:
    key = secret(name)
    if key is not None and len(key) < _SHORTEST:
        hint = f"Use {_SHORTEST} characters or more, made at random, such as: openssl rand -hex 32"
        raise SettingsError(name, f"is too short to keep {safe} safe", hint)
    return key


_SHORTEST = 32
"""Characters of what is tried by machines: 128 bits, written in hexadecimal digits."""


def _openid() -> tuple[str, str, str | None] | None:
    issuer, client = _text("TENURE_OPENID_ISSUER"), _text("TENURE_OPENID_CLIENT_ID")
    if issuer is None and client is None:
        return None
    if issuer is None or client is None:
        missing = "TENURE_OPENID_CLIENT_ID" if issuer else "TENURE_OPENID_ISSUER"
        raise SettingsError(missing, "is not set", "Set both issuer and client id, or neither.")
    local = issuer.startswith(("http://127.0.0.1:", "http://localhost:"))
    if not (issuer.startswith("https://") or local):
        raise SettingsError("TENURE_OPENID_ISSUER", f"is {issuer!r}", "Write its https address, as the provider does.")
    return issuer, client, secret("TENURE_OPENID_CLIENT_SECRET")


def _yes(name: str) -> bool:
    value = (_text(name) or "no").lower()
    if value not in ("yes", "no"):
        raise SettingsError(name, f"is {value!r}", "Write yes or no.")
    return value == "yes"


def _log_format() -> LogFormat | None:
    name = "TENURE_LOG"
    value = _text(name)
    if value is not None and value not in get_args(LogFormat):
        raise SettingsError(name, f"is {value!r}", "Use json or console, or leave it unset.")
    return cast("LogFormat | None", value)
