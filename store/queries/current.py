"""The columns of current facts that lists show and search, on any workspace: NULL where it has no such field."""

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from store.current.columns import column_name
from store.current.sight import account_now_columns


@dataclass(frozen=True)
class CurrentFacts:
    """Of one shape of account_now, so that statements can be kept by it."""

    table: sa.TableClause
    card: str | None = None
    """What health is."""

    @classmethod
    def of(cls, conn: sa.Connection, card: str | None = None) -> "CurrentFacts":
        return cls(account_now_columns(conn), card)

    def column(self, name: str, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        found = self.table.c.get(column_name(name))
        return sa.cast(sa.null(), kind) if found is None else sa.type_coerce(found, kind)

    @property
    def name(self) -> sa.ColumnElement[Any]:
        return self.column("account.name", sa.Text())

    @property
    def arr(self) -> sa.ColumnElement[Any]:
        return self.column("account.arr", sa.Double())

    @property
    def renewal(self) -> sa.ColumnElement[Any]:
        return self.column("account.renewal_date", sa.Date())

    @property
    def score(self) -> sa.ColumnElement[Any]:
        return self.column(f"{self.card}.score", sa.Double())

    @property
    def band(self) -> sa.ColumnElement[Any]:
        return self.column(f"{self.card}.band", sa.Text())


def containing(text: str) -> str:
    """What LIKE asks for to find these words anywhere."""
    pattern = re.sub(r"([\\%_])", r"\\\1", text)
    return f"%{pattern}%"
