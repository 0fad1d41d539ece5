"""One account as expressions see it now, read once from the projection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from engine.calendars import Place, local_date
from engine.durations import Duration
from engine.expressions import Evaluator, evaluate
from engine.expressions.evaluate import compile_node
from engine.expressions.levers import Change, Term, nearest, terms
from engine.expressions.tree import Aggregate
from engine.values import Condition
from engine.workspace import Workspace
from engine.workspace.places import place_of
from store.current.columns import BITS, column_name, extreme_column, extreme_name
from store.current.sight import Sight
from store.explain.knowledge import account_as_known
from store.expressions.zones import zone_or
from store.postgres.statements import Statement


@dataclass(frozen=True, kw_only=True)
class ConditionRead:
    """A condition with what it found."""

    text: str
    holds: bool | None
    """None: unknown, because something it reads is."""
    values: Mapping[str, Any]
    term: Term | None = None
    """The condition taken apart, where that was asked for."""
    changes: tuple[Change, ...] | None = None
    """The nearest change that would turn it round; None where none is found or none was asked for."""


class Looking:
    """The environment of the Python back end; `engine.expressions.Env`."""

    remembers = True
    """Whether what triggers remember is at hand; of the past it is not kept."""

    def __init__(
        self, conn: sa.Connection, workspace: Workspace, account_id: int, now: datetime, *, apart: bool = True
    ) -> None:
        """`apart`: whether conditions are taken apart, with the nearest change that would turn each."""
        self._conn = conn
        self._apart = apart
        self.workspace = workspace
        self.account_id = account_id
        self.now = now
        row = _ROW.read_values(conn, {"id": account_id})
        self.swept = row is not None
        self._aggregates: dict[str, Any] = {}
        self._reads: dict[str, ConditionRead] = {}
        self._row: Mapping[str, Any] = row or {}

    def read(self, condition: Condition) -> ConditionRead:
        """What it found. The same is asked by several playbooks, and more than once by each."""
        if condition.text not in self._reads:
            self._reads[condition.text] = self._read(condition)
        return self._reads[condition.text]

    def _read(self, condition: Condition) -> ConditionRead:
        expression = condition.expression
        values = {name: self.field(name) for name in expression.reads}
        for extreme in expression.extremes:
            found = {"highest": self.highest, "lowest": self.lowest, "trend": self.trend}[extreme.way]
            values[extreme_name(extreme.way, extreme.field, extreme.window)] = found(extreme.field, extreme.window)
        values |= {node.text: self.aggregate(node, compile_node(node)) for node in expression.aggregates}
        answer: Any = evaluate(expression, self)
        return ConditionRead(
            text=condition.text,
            holds=answer,
            values=values,
            term=terms(expression, self) if self._apart else None,
            changes=nearest(expression, self, self.workspace.catalogue(), want=answer is not True)
            if self._apart
            else None,
        )

    def bit(self, mask: str, place: int) -> bool:
        """One of the bits that a trigger keeps in the masks seen_0, tripped_0, holding_0, …"""
        return bool((self._row.get(f"{mask}_{place // BITS}") or 0) >> (place % BITS) & 1)

    @cached_property
    def place(self) -> Place:
        """Where the account's days begin, and which of them are worked."""
        return place_of(self.workspace, self.field("account.zone"), self.field("account.country"), self.now)

    # --- what expressions ask ---

    @property
    def today(self) -> date:
        return self.local_date(self.now)

    def local_date(self, at: datetime) -> date:
        return local_date(at, zone_or(self.field("account.zone"), self.workspace.zone))

    def field(self, name: str) -> Any:
        return self._row.get(column_name(name))

    def highest(self, name: str, window: Duration) -> float | None:
        return self._row.get(extreme_column("highest", name, window))

    def lowest(self, name: str, window: Duration) -> float | None:
        return self._row.get(extreme_column("lowest", name, window))

    def trend(self, name: str, window: Duration) -> float | None:
        return self._row.get(extreme_column("trend", name, window))

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002 - the protocol's name
        """Rows stay in the database; see `aggregate`."""
        return ()

    def aggregate(self, node: Aggregate, work_out: Evaluator) -> Any:  # noqa: ARG002 - the protocol's name
        if node.text not in self._aggregates:
            self._aggregates |= self._sight.aggregates(self.account_id, [node])
        return self._aggregates.get(node.text)

    @cached_property
    def _sight(self) -> Sight:
        return Sight(self._conn, self.workspace, self.now)


class LookingBack(Looking):
    """The same as of an earlier instant, from facts alone: nothing that was learned later."""

    remembers = False

    def __init__(self, conn: sa.Connection, workspace: Workspace, account_id: int, now: datetime) -> None:
        super().__init__(conn, workspace, account_id, now)
        self._row = {}
        self._then = account_as_known(conn, workspace, account_id, now)
        self.swept = True

    def bit(self, mask: str, place: int) -> bool:
        raise LookupError(f"what triggers remembered in the past is not kept ({mask}, {place})")

    def field(self, name: str) -> Any:
        return self._then.field(name)

    def highest(self, name: str, window: Duration) -> float | None:
        return self._then.highest(name, window)

    def lowest(self, name: str, window: Duration) -> float | None:
        return self._then.lowest(name, window)

    def trend(self, name: str, window: Duration) -> float | None:
        return self._then.trend(name, window)

    def aggregate(self, node: Aggregate, work_out: Evaluator) -> Any:  # noqa: ARG002 - the protocol's name
        return work_out(self._then)


_ROW = Statement("select * from account_now where account_id = %(id)s")
