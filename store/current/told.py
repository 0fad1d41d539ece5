"""What was told of accounts, as SQL: the newest value of every field, and JSON as a column of the field's type."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, array, distinct_on

from engine.catalogue import Field, Type
from engine.expressions.values import DATE_FORM, INSTANT_FORM, LARGEST
from engine.workspace import Workspace
from store.current.columns import NOW, age_column, aged_fields, column_name
from store.schema import account_value

Sql = sa.ColumnElement[Any]
_AT = sa.DateTime(timezone=True)


@dataclass(frozen=True, kw_only=True)
class Account:
    """Of whom values are looked up, row by row."""

    id: sa.Column[int]
    is_told: sa.ColumnElement[bool]
    """Where it is not, nothing is read, and all values come out as NULL."""
    tables: tuple[sa.FromClause, ...]
    """Where these columns come from."""


def known_values(workspace: Workspace, fields: Sequence[Field], of: "Account | None") -> sa.FromClause:
    """What was told, in a column of its type for every field: account by account and by index, where no plan for it
    can go wrong; or of everyone, grouped."""
    latest = _newest(fields).subquery("latest") if of is None else _newest_of(fields, of)

    def only(value: Sql, name: str, label: str) -> sa.Label[Any]:
        found = sa.func.any_value(value, type_=value.type).filter(
            latest.c.field == sa.literal(name, latest.c.field.type)
        )
        return found.label(label)

    # Read where it is told: who was told nothing has thirteen fields that need not be looked at.
    values = [only(read_json(latest.c.value, field.type), field.name, column_name(field.name)) for field in fields]
    ages = [only(latest.c.at, name, age_column(name)) for name in aged_fields(workspace)]
    if of is not None:
        return sa.select(*values, *ages).lateral("known")
    return sa.select(latest.c.account_id, *values, *ages).group_by(latest.c.account_id).subquery("known")


def _newest(fields: Sequence[Field]) -> sa.Select[Any]:
    """Account, field, value and instant, by reading all values."""
    v = account_value.c
    return (
        sa.select(v.account_id, v.field, v.value, v.at)
        .ext(distinct_on(v.account_id, v.field))
        .where(v.at <= NOW, v.field.in_([field.name for field in fields]))
        .order_by(v.account_id, v.field, v.at.desc(), v.id.desc())
    )


def _newest_of(fields: Sequence[Field], of: "Account") -> sa.Subquery:
    """The same of one account; where accounts have many values of each field, by looking up the newest of each: else
    what a change costs would grow with what was told in years."""
    v, deep, account_id, around = account_value.c, _are_many(len(fields)), of.id, of.tables
    names = array([sa.literal(field.name, v.field.type) for field in fields], type_=v.field.type)
    asked = sa.func.unnest(names).table_valued(sa.column("field", v.field.type)).render_derived(name="asked")
    newest = (
        sa.select(v.value, v.at)
        .where(v.account_id == account_id, v.field == asked.c.field, v.at <= NOW)
        .order_by(v.at.desc(), v.id.desc())
        .limit(1)
        .correlate(asked, *around)
        .lateral("newest")
    )
    all_read = _newest(fields).where(of.is_told, v.account_id == account_id, ~deep).correlate(*around)
    looked_up = (
        sa.select(account_id, asked.c.field, newest.c.value, newest.c.at)
        .select_from(asked.join(newest, sa.true()))
        .where(of.is_told, deep)
        .correlate(*around)
    )
    return sa.union_all(sa.select(all_read.subquery("all_read")), looked_up).subquery("latest")


def _are_many(fields: int) -> sa.ScalarSelect[bool]:
    """Whether an account has several values of each field, by what PostgreSQL has counted; asked once a statement."""
    few = sa.literal_column(str(_FEW_VALUES * fields), sa.Integer)
    return sa.select(_counted("account_value") > few * sa.func.greatest(_counted("account_now"), 1)).scalar_subquery()


def _counted(table: str) -> Sql:
    of = sa.table("pg_class", sa.column("oid"), sa.column("reltuples", sa.Float))
    return sa.select(of.c.reltuples).where(of.c.oid == sa.literal_column(f"'{table}'::regclass")).scalar_subquery()


_FEW_VALUES = 4
"""Values of a field up to which reading all of them is no slower than looking up the newest."""


def read_json(value: Any, type_: Type) -> Sql:
    """JSON of another kind than the field's is unknown; a cast that data could make fail is never tried."""
    kind, text = sa.func.jsonb_typeof(value), value.op("#>>", return_type=sa.Text())(sa.literal_column("'{}'"))
    match type_:
        case "number":
            exact = sa.cast(value, sa.Numeric)
            fits = sa.func.abs(exact) < sa.literal(LARGEST, sa.Numeric)
            return sa.case((kind == "number", sa.case((fits, sa.cast(sa.func.trunc(exact, 100), DOUBLE_PRECISION)))))
        case "bool":
            return sa.case((kind == "boolean", sa.cast(value, sa.Boolean)))
        case "date":
            return sa.case((_reads_as(kind, text, DATE_FORM, "date"), sa.cast(text, sa.Date)))
        case "instant":
            return sa.case((_reads_as(kind, text, INSTANT_FORM, "timestamptz"), sa.cast(text, _AT)))
        case "tags":
            words = sa.func.jsonb_array_elements_text(value).table_valued("word").render_derived()
            # Of this row alone: left to itself, the subquery would go over all rows there are.
            of_row = sa.select(words.c.word).correlate_except(words).scalar_subquery()
            return sa.case((kind == "array", sa.func.array(of_row, type_=sa.ARRAY(sa.Text()))))
        case _:
            return sa.case((kind == "string", text))


def _reads_as(kind: Sql, text: Any, form: str, type_: str) -> Sql:
    return sa.and_(kind == "string", text.regexp_match(f"^{form}$"), sa.func.pg_input_is_valid(text, type_))
