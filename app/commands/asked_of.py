"""Whether there is what a list is asked for: nothing found of a misspelt name must not read like nothing there."""

import sqlalchemy as sa

from app.running import UsageError
from store.deployed import load_compiled
from store.inbox.accounts import account_id_of


def ask_of(conn: sa.Connection, *, playbook: str | None = None, account: str | None = None) -> None:
    """Raises UsageError for an account that nobody knows, NothingDeployed for a playbook that is none."""
    if playbook is not None:
        load_compiled(conn, playbook)
    if account is not None and account_id_of(conn, account) is None:
        raise UsageError(no_account(account))


def no_account(key: str) -> str:
    """That nobody knows it."""
    return f'there is no account "{key}". Accounts go by the id of their source, such as in: tenure runs'
