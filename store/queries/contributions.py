"""What the components of a score brought in at an earlier instant."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.current.contributions import contributions_of
from store.postgres.statements import Given, kept
from store.schema import score
from store.schema.base import AT, ID, TEXT


def points_at(conn: sa.Connection, account_id: int, card: str, at: datetime) -> dict[str, float | None]:
    """Points by component, by the score then in force; empty where there was none."""
    given = {"account": account_id, "card": card, "at": at}
    row = kept(("points at",), _latest).read_one(conn, given)
    return {part["id"]: part["points"] for part in row.contributions or ()} if row else {}


def _latest() -> sa.Select[Any]:
    of = score.c
    then = (of.account_id == Given("account", ID), of.card == Given("card", TEXT), of.at <= Given("at", AT))
    return (
        sa.select(contributions_of().label("contributions")).where(*then).order_by(of.at.desc(), of.id.desc()).limit(1)
    )
