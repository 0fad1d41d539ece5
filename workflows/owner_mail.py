"""Writes to the owners of playbooks whose starts were held back; told twice is better than not at all."""

import html
from datetime import datetime

import sqlalchemy as sa
import structlog

from connectors.email.port import OutgoingMail, Transport
from connectors.errors import ConnectorError
from engine.workspace import Workspace
from store import clock
from store.deciding import breaker
from store.deciding.breaker import Untold
from store.deployed import NothingDeployed, load_workspace

_log = structlog.get_logger(__name__)


def tell_owners(database: sa.Engine, transport: Transport) -> int:
    """Write to those who do not know yet; how many were. A provider that is away is tried again by the next call."""
    with database.begin() as conn:
        untold = breaker.untold(conn)
        if not untold:
            return 0
        now = clock.now(conn)
        try:
            workspace = load_workspace(conn)
        except NothingDeployed:
            return 0
        told = [one.id for one in untold if _tell(one, workspace, transport, now)]
        breaker.mark_told(conn, told, now)
        return len(told)


def _tell(one: Untold, workspace: Workspace, transport: Transport, now: datetime) -> bool:
    if workspace.sender is None or "@" not in one.owner:
        _log.warning("breaker.nobody_to_tell", playbook=one.playbook, breaker=one.id)
        return True
    try:
        transport.deliver(_mail(one, workspace, now), lambda: None)
    except ConnectorError as error:
        _log.warning("breaker.owner_not_told", breaker=one.id, error=str(error))
        return False
    return True


def _mail(one: Untold, workspace: Workspace, now: datetime) -> OutgoingMail:
    assert workspace.sender is not None
    plain = (
        f"Tenure holds back {one.held:,} starts of {one.playbook}, since so many at once look like a mistake:\n\n"
        f"    {one.why}\n\n"
        "Nobody is written to and no task is made until somebody has looked at it:\n\n"
        f"    tenure breaker show {one.id}\n"
        f"    tenure breaker release {one.id} --share 10\n"
        f"    tenure breaker drop {one.id}\n"
    )
    domain = workspace.sender.address.rpartition("@")[2]
    return OutgoingMail(
        message_id=f"<breaker.{one.id}@{domain}>",
        to_address=one.owner,
        from_address=workspace.sender.address,
        from_name=workspace.sender.name,
        reply_to=workspace.sender.reply_to,
        subject=f"Held back: {one.held:,} starts of {one.playbook}",
        html=f"<pre>{html.escape(plain)}</pre>",
        plain=plain,
        category="operations",
        at=now,
    )
