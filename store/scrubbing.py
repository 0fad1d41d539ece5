"""Takes words out of every table: whatever column holds text or JSON, by the database's own list of columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

ERASED = "(erased)"

_DEFINITIONS = (
    *("alembic_version", "clock", "playbook", "playbook_version", "text", "trigger", "workspace", "zone_offset"),
    *("signing_key", "suppression", "subscription", "erasure", "feed", "sweep"),
)
"""What we wrote ourselves, or what names nobody."""
_OURS = (
    *("person", "login", "session", "one_time_link", "absence", "sign_in_rate", "openid_start", "api_key"),
    *("endpoint",),
)
"""Of colleagues."""
_ONLY = {"audit": ("what", "detail")}
"""Where a table says who of us did something, that stays."""


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What names a person, as regular expressions of PostgreSQL."""

    sure: Sequence[str]
    """Addresses and whole names."""
    near: Sequence[str]
    """First and last names: many have the same, so they say who is meant only near the person's accounts."""


def scrub(conn: sa.Connection, naming: Naming, accounts: Sequence[tuple[int, str]]) -> int:
    """Put `(erased)` in the place of what names the person; how many rows changed.

    Looked at are all rows of these accounts (id and key). Of tables whose rows belong to no account, it is those rows
    that name the person for sure or one of the accounts.
    """
    if not naming.sure and not naming.near:
        return 0
    given = {
        "pattern": _any(naming.sure, naming.near),
        "about": _any(naming.sure, [word(key) for _, key in accounts]),
        "accounts": [id_ for id_, _ in accounts],
    }
    conn.execute(sa.text("select set_config('tenure.erasing', 'on', true)"))
    count = 0
    for table, (columns, links) in _tables(conn).items():
        mine = [(name, type_) for name, type_ in columns if name in _ONLY.get(table, (name,))]
        if mine and table not in _DEFINITIONS and table not in _OURS:
            count += conn.execute(sa.text(_statement(table, mine, links)), given).rowcount
    conn.execute(sa.text("select set_config('tenure.erasing', '', true)"))
    return count


def word(text: str) -> str:
    """The pattern of a text that stands by itself, whatever it begins and ends with."""
    return rf"(?<!\w){literal(text)}(?!\w)"


def word_of_prose(text: str) -> str:
    """The same, but no part of an address, of a key such as `ann-visit`, or of a path."""
    return rf"(?<![\w@.+/-]){literal(text)}(?![\w@+/-]|\.\w)"


def prose(text: str) -> str:
    """The same, but not where it stands alone, as an id does."""
    alone = word_of_prose(text)
    return rf"(?<=\s){alone}|{alone}(?=[\s,;:!?])"


def literal(text: str) -> str:
    return re.sub(r"([\\^$.|?*+()\[\]{}])", r"\\\1", text.strip())


def _any(*patterns: Sequence[str]) -> str:
    return "(?i)" + "|".join(pattern for some in patterns for pattern in some)


def _statement(table: str, columns: Sequence[tuple[str, str]], links: Sequence[str]) -> str:
    """All columns of a row at once, since what is found in one of them tells whom the others mean."""
    put = ", ".join(
        f'"{name}" = cast(regexp_replace("{name}"::text, :pattern, {_put(name)}, \'g\') as {type_})'
        for name, type_ in columns
    )
    texts = [f'"{name}"::text' for name, _ in columns]
    named = " or ".join(f"{text} ~ :pattern" for text in texts)
    where = _of_accounts(links) or f"concat_ws(' ', {', '.join(texts)}) ~ :about"
    # Names come from the database's own catalogue, words are bound.
    return f'update "{table}" set {put} where {where} and ({named})'  # noqa: S608


def _put(column: str) -> str:
    """Keys stay different from each other."""
    return f"'erased-' || left(md5(\"{column}\"::text), 12)" if column.endswith("key") else f"'{ERASED}'"


def _of_accounts(links: Sequence[str]) -> str | None:
    for column, rows in _LINKS.items():
        if column in links:
            return f'"{column}" = any(cast(:accounts as bigint[]))' if not rows else f'"{column}" in ({rows})'
    return None


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
