"""What a performer of acts works with: one transaction, one run, one instant."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa

from engine.mail.doubts import OnUnknown
from engine.workspace import Workspace
from store.deployed import load_compiled, load_workspace
from store.postgres.statements import Statement
from workflows.ports import Ports


@dataclass(frozen=True)
class Acting:
    """`now` is the run's own instant: an act takes no time of its own."""

    conn: sa.Connection
    run_id: int
    account_id: int
    playbook: str
    priority: int
    ended: bool
    now: datetime
    ports: Ports

    @cached_property
    def account_key(self) -> str:
        [key] = _ACCOUNT.read_column(self.conn, {"account": self.account_id})
        return str(key)

    @property
    def on_unknown(self) -> OnUnknown:
        """What becomes of a mail that may or may not have left: the playbook's word, or else the workspace's."""
        [version] = _VERSION.read_column(self.conn, {"run": self.run_id})
        compiled = load_compiled(self.conn, self.playbook, version)
        return compiled.unknown_mail or self.workspace.mail.unknown

    @cached_property
    def workspace(self) -> Workspace:
        return load_workspace(self.conn)

    @classmethod
    def of(cls, conn: sa.Connection, run_id: int, now: datetime, ports: Ports) -> "Acting":
        row = _RUN.read_one(conn, {"run": run_id})
        if row is None:
            raise LookupError(f"there is no run {run_id}")
        return cls(conn, run_id, row.account_id, row.playbook, row.priority, row.state == "ended", now, ports)


_ACCOUNT = Statement("select key from account where id = %(account)s")
_VERSION = Statement("select version from run where id = %(run)s")
_RUN = Statement("select account_id, playbook, priority, state from run where id = %(run)s")
