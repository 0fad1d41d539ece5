"""Reads which connectors a workspace declares, and refuses secrets among their settings."""

import re
from collections.abc import Mapping
from typing import get_args

from engine.problems import did_you_mean
from engine.workspace.findings import Findings
from engine.workspace.model import REPLIES, Connector, ConnectorKind

_MAIL_ADDRESS = re.compile(r"[a-z0-9._-]{1,24}@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)
"""Short, as a token of 33 characters comes in between, and a name before the @ has 64 at most."""
_USUAL_PROVIDER: Mapping[str, str] = {"webhook": "http", "chat": "stored"}
_SECRET_VALUE = re.compile(
    r"whsec_|xox[abp]-|\bSG\.[\w-]{10}|://[^/@\s]+@|hooks\.slack\.com/services/|webhook\.office\.com/|[?&](key|token|sig)=",
    re.IGNORECASE,
)
"""What secrets look like, those hidden in addresses included."""
_SECRET = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)


def read_connectors(authored: Mapping[str, Mapping[str, object]], findings: Findings) -> dict[str, Connector]:
    """Each with its kind and provider; what its settings mean, the provider says."""
    connectors: dict[str, Connector] = {}
    for name, settings in authored.items():
        kind = settings.get("kind", "email")
        if kind not in get_args(ConnectorKind):
            hint = did_you_mean(str(kind), get_args(ConnectorKind))
            findings.say(("connectors", name, "kind"), "PB508", f'there are no "{kind}" connectors', hint)
            continue
        if kind == "email" and name != "email":
            hint = "kind: webhook, or kind: chat; mail leaves through the one called email"
            findings.say(("connectors", name), "PB508", "which kind of connector?", hint)
            continue
        if (kind == REPLIES) != (name == REPLIES):
            hint = "replies: { kind: replies, provider: imap, … }"
            findings.say(("connectors", name), "PB508", "replies come through the one connector called replies", hint)
            continue
        if kind == REPLIES and not _MAIL_ADDRESS.fullmatch(str(settings.get("address", ""))):
            hint = "address: reply@in.corp.example, without a +"
            findings.say(("connectors", name), "PB508", "at which address do replies arrive?", hint)
            continue
        provider = settings.get("provider", _USUAL_PROVIDER.get(str(kind)))
        if not isinstance(provider, str):
            findings.say(("connectors", name), "PB508", "which provider?", "provider: stored")
            continue
        _no_secrets(name, settings, findings)
        rest = {key: value for key, value in settings.items() if key not in ("kind", "provider")}
        connectors[name] = Connector(kind=kind, provider=provider, settings=rest)
    return connectors


def _no_secrets(name: str, settings: Mapping[str, object], findings: Findings) -> None:
    for setting, value in settings.items():
        by_name = _SECRET.search(setting) and not setting.endswith("_env")
        by_value = isinstance(value, str) and _SECRET_VALUE.search(value)
        if by_name or by_value:
            stem = setting if setting.endswith("_env") else f"{setting}_env"
            findings.say(
                ("connectors", name, setting),
                "PB508",
                "a secret does not belong in a file",
                f"name an environment variable instead: {stem}: {name.upper()}_{setting.upper()}",
            )
