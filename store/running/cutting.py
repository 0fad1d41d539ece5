"""What the losers of a race have queued stays here, also where their run does not know of it any more.

A run withdraws what it knows of. When turns of it are lost with their worker, it walks them again, and may hear first
that another branch is done: then it never comes to ask for what the lost turns had asked for. Their lines tell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from store import errands, mails
from store.inbox import tasks
from store.postgres.statements import Statement

CUT = "another branch was faster"
"""Why what they have queued never leaves."""


def cut_losers(conn: sa.Connection, run_id: int, lines: Sequence[Mapping[str, Any]]) -> None:
    """For lines that are new, of which one may say which branch has won."""
    for line in lines:
        if line["what"] != "won":
            continue
        branches = f"{line['path']}.branches["
        won = f"{branches}{line['detail']['branch']}]"
        steps = _LOST.read_column(conn, {"run": run_id, "branches": branches, "won": won})
        if steps:
            mails.skip_unsent(conn, run_id, line["at"], CUT, steps=steps)
            errands.skip_unsent(conn, run_id, line["at"], CUT, steps=steps)
            tasks.withdraw_all(conn, run_id, steps, line["at"])


_LOST = Statement("""
    select distinct detail ->> 'step' from trace
    where run_id = %(run)s and starts_with(path, %(branches)s) and not starts_with(path, %(won)s)
        and detail ->> 'outcome' in ('queued', 'open')
""")
