"""What the components of a score brought in at an earlier instant."""

from datetime import datetime

import sqlalchemy as sa

from store.schema import score


def points_at(conn: sa.Connection, account_id: int, card: str, at: datetime) -> dict[str, float | None]:
    """Points by component, by the score then in force; empty where there was none."""
    then = (score.c.account_id == account_id, score.c.card == card, score.c.at <= at)
    latest = sa.select(score.c.contributions).where(*then).order_by(score.c.at.desc(), score.c.id.desc()).limit(1)
    return {part["id"]: part["points"] for part in conn.execute(latest).scalar() or []}
