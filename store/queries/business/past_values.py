"""What fields were worth at an earlier instant, as it is known today: told ones looked up, computed ones worked out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.catalogue import Field
from engine.workspace import Computed
from store.current.columns import SQL_TYPES, Seen, column_name
from store.current.told import read_json
from store.expressions.sql import to_sql
from store.forgetting import known_since, told_since
from store.queries.business.book import Book
from store.schema import account, account_value


class NotKept(LookupError):
    """A field leans on something whose past is not kept for every account, such as a score or a trend."""


def values_at(book: Book, fields: Iterable[str], then: datetime, name: str) -> sa.CTE:
    """A row per account looked at: account_id, and a column per field. NotKept for a field whose past is not kept."""
    told, computed = _needed(book, fields)
    # What a value of then is worked out of may itself lie before then.
    since = known_since(book.conn, book.workspace) if computed else told_since(book.conn)
    if since is not None and then < since:
        raise NotKept(name)
    columns = [_told(field, then).label(column_name(field.name)) for field in told]
    step: sa.Select[Any] = sa.select(account.c.id.label("account_id"), *columns).where(book.sees(account.c.id))
    for one in computed:
        source = step.subquery()
        seen = Seen(source=source, instant=then, zone=book.workspace.zone)
        value = sa.cast(_computed(one, seen), SQL_TYPES[one.type])
        step = sa.select(source, value.label(column_name(one.name)))
    return step.cte(name).prefix_with("materialized")


def _needed(book: Book, fields: Iterable[str]) -> tuple[Sequence[Field], Sequence[Computed]]:
    """What is looked up and what is worked out of it, each after what it reads."""
    wanted = set(fields)
    computed: list[Computed] = []
    # The workspace has them in an order in which each comes after what it reads.
    for one in reversed(book.workspace.computed):
        if one.name in wanted:
            if any(condition.expression.extremes for condition in one.conditions()):
                raise NotKept(one.name)
            computed.insert(0, one)
            wanted |= set(one.reads())
    told = [field for field in book.workspace.told() if field.name in wanted]
    if lacking := wanted - {field.name for field in told} - {one.name for one in computed}:
        raise NotKept(min(lacking))
    return told, computed


def _told(field: Field, then: datetime) -> sa.ScalarSelect[Any]:
    of = account_value.c
    return (
        sa.select(read_json(of.value, field.type))
        .where(of.account_id == account.c.id, of.field == field.name, of.at <= then)
        .order_by(of.at.desc(), of.id.desc())
        .limit(1)
        .correlate(account)
        .scalar_subquery()
    )


def _computed(one: Computed, seen: Seen) -> sa.ColumnElement[Any]:
    if one.expression is not None:
        return to_sql(one.expression.expression, seen)
    return sa.case(*((to_sql(condition.expression, seen), sa.literal(case, sa.Text)) for case, condition in one.cases))
