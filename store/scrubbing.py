"""Takes words out of every table: whatever column holds text or JSON, by the database's own list of columns."""

from collections.abc import Sequence

import sqlalchemy as sa

ERASED = "(erased)"

_DEFINITIONS = (
    *("alembic_version", "clock", "playbook", "playbook_version", "text", "trigger", "workspace", "zone_offset"),
    *("signing_key", "suppression", "subscription", "erasure", "feed", "sweep"),
)
"""What we wrote ourselves, or what names nobody."""
_OURS = (
    *("person", "login", "session", "one_time_link", "absence", "sign_in_rate", "openid_start", "api_key", "audit"),
    *("endpoint",),
)
"""Of colleagues. The audit log refuses changes, and names customers by their keys."""


def scrub(conn: sa.Connection, patterns: Sequence[str], account_ids: Sequence[int]) -> int:
    """Put `(erased)` in the place of what these regular expressions of PostgreSQL match; how many rows changed.

    Looked at are all rows of these accounts, and the whole of tables whose rows belong to no account.
    """
    if not patterns:
        return 0
    pattern = "|".join(patterns)
    count = 0
    for table, (columns, links) in _tables(conn).items():
        if table in _DEFINITIONS or table in _OURS:
            continue
        where = _of_accounts(links)
        for column, type_ in columns:
            text = f'"{column}"::text'
            put = f"regexp_replace({text}, :pattern, {_put(column)}, 'g')"
            statement = f"""
                update "{table}" set "{column}" = cast({put} as {type_})
                where {where} and "{column}" is not null and {text} ~ :pattern
            """  # noqa: S608 - names come from the database's own catalogue, words are bound
            count += conn.execute(
                sa.text(statement), {"pattern": f"(?i){pattern}", "accounts": list(account_ids)}
            ).rowcount
    return count


def _put(column: str) -> str:
    """Keys stay different from each other."""
    return f"'erased-' || left(md5(\"{column}\"::text), 12)" if column == "key" else f"'{ERASED}'"


def _of_accounts(links: Sequence[str]) -> str:
    for column, rows in _LINKS.items():
        if column in links:
            return f'"{column}" = any(cast(:accounts as bigint[]))' if not rows else f'"{column}" in ({rows})'
    return "cast(:accounts as bigint[]) is not null"


_RUNS = "select id from run where account_id = any(cast(:accounts as bigint[]))"
_LINKS = {
    "account_id": "",
    "run_id": _RUNS,
    "mail_id": "select id from mail where account_id = any(cast(:accounts as bigint[]))",
    "task_id": "select id from task where account_id = any(cast(:accounts as bigint[]))",
}


def _tables(conn: sa.Connection) -> dict[str, tuple[list[tuple[str, str]], list[str]]]:
    """By table: the columns that hold text or JSON, and those that lead to an account."""
    found: dict[str, tuple[list[tuple[str, str]], list[str]]] = {}
    for table, column, type_ in conn.execute(_COLUMNS):
        columns, links = found.setdefault(table, ([], []))
        if type_ in ("text", "jsonb", "character varying"):
            columns.append((column, type_))
        if column in _LINKS:
            links.append(column)
    return found


_COLUMNS = sa.text("""
    select columns.table_name, columns.column_name, columns.data_type
    from information_schema.columns join information_schema.tables using (table_schema, table_name)
    where table_schema = current_schema() and table_type = 'BASE TABLE' and is_generated = 'NEVER'
    order by table_name, ordinal_position
""")
