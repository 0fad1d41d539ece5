"""`tenure mail test`: one mail of a playbook to oneself, through the connector that customers' mails take."""

import secrets
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.connectors import transport_of
from app.drafts import Broken
from app.errors import ServerAway
from app.previews import Preview, preview
from app.running import FINDINGS, UsageError, say, show
from app.tables import clean
from connectors.email.port import OutgoingMail
from connectors.errors import Misconfigured, RateLimited, Rejected, Unavailable, UnknownOutcome
from engine.texts.filters import RenderError


def send_test(where: str, to: str, *, account: str | None, locale: str | None, home: Path | None, as_json: bool) -> int:
    """1 when it cannot be written, or was refused; a row is written nowhere, and no playbook hears of it."""
    try:
        found = preview(where, account=account, locale=locale, home=home)
    except Broken:
        return FINDINGS
    except RenderError as error:
        say(f"this mail cannot be written for {account or 'the invented account'}: {error}")
        return FINDINGS
    mail = _addressed(found, to)
    try:
        transport = transport_of(found.workspace)
        if transport is None:
            hint = "name smtp or sendgrid under connectors.email of tenure.yaml, or look at it with: tenure render"
            raise UsageError(f"the workspace only stores mail, so nothing would leave; {hint}")
        with closing(transport):
            accepted = transport.deliver(mail, lambda: None)
    except Misconfigured as error:
        raise UsageError(str(error)) from error
    except (Unavailable, RateLimited) as error:
        provider = found.workspace.connectors["email"].provider
        raise ServerAway("the mail provider", provider, f"{error}. Nothing was sent; repeat it later.") from error
    except Rejected as error:
        say(f"refused: {error}")
        return FINDINGS
    except UnknownOutcome as error:
        say(f"it may have left, or not: {error}")
        return FINDINGS
    if as_json:
        show({"to": to, "subject": mail.subject, "message_id": mail.message_id, "provider_id": accepted.provider_id})
    else:
        print(clean(f"sent to {to}: {mail.subject}" + (f" ({accepted.provider_id})" if accepted.provider_id else "")))
    return 0


def _addressed(found: Preview, to: str) -> OutgoingMail:
    sender = found.workspace.sender
    if sender is None:
        raise UsageError("tenure.yaml has no sender; write sender: { name: …, address: … }")
    domain = sender.address.rpartition("@")[2]
    return OutgoingMail(
        message_id=f"<test.{secrets.token_hex(12)}@{domain if domain.isascii() else domain.encode('idna').decode()}>",
        to_address=to,
        from_address=sender.address,
        from_name=str(found.values.get("sender.name") or sender.name),
        reply_to=sender.reply_to,
        # Nobody shall take it for one that a customer got.
        subject=f"[Test] {found.rendered.subject}",
        html=found.rendered.html,
        plain=found.rendered.plain,
        category="test",
        at=datetime.now(UTC),
    )
