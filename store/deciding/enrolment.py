"""Starts by hand: a person's crossing, judged by the same rules as every other, at once."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from engine.problems import did_you_mean
from store import clock
from store.current.sight import Sight
from store.deciding.arbitration import Ruled, rule
from store.deployed import load_playbooks, load_workspace
from store.schema import account, crossing


@dataclass(frozen=True, kw_only=True)
class CannotEnrol:
    """Nothing happened; `message` says why and `hint` what to do."""

    kind: Literal["unknown_playbook", "unknown_account", "not_by_hand"]
    message: str
    hint: str = ""


def enrol(conn: sa.Connection, playbook: str, account_key: str, by: str) -> Ruled | CannotEnrol:
    """A person starts a playbook for an account. The ruling says whether it started, is held, or why not."""
    playbooks = load_playbooks(conn, states=("active", "paused", "off"))
    deployed = next((one for one in playbooks if one.playbook == playbook), None)
    if deployed is None:
        hint = did_you_mean(playbook, [one.playbook for one in playbooks])
        return CannotEnrol(kind="unknown_playbook", message=f'there is no playbook "{playbook}"', hint=hint)
    manual = next((one for one in deployed.compiled.triggers if one.kind == "manual"), None)
    if manual is None:
        message = f"{playbook} cannot be started by hand"
        return CannotEnrol(kind="not_by_hand", message=message, hint="add a trigger `- manual: true`")
    account_id = conn.execute(sa.select(account.c.id).where(account.c.key == account_key)).scalar()
    if account_id is None:
        return CannotEnrol(kind="unknown_account", message=f'there is no account "{account_key}"')
    now = clock.now(conn)
    reason = {"trigger": manual.id, "kind": "manual", "says": f"started by {by}", "values": {"by": by}}
    crossing_id = conn.execute(
        sa.insert(crossing)
        .values(
            playbook=playbook,
            version=deployed.version,
            account_id=account_id,
            at=now,
            reasons=[reason],
            state="proposed",
        )
        .returning(crossing.c.id)
    ).scalar_one()
    sight = Sight(conn, load_workspace(conn), now)
    return rule(conn, sight, playbooks, now, crossing_id=crossing_id)[0]
