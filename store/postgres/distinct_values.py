"""The different values of an indexed column that has few of them: of each only the first row is looked at."""


def distinct_values(table: str, column: str, *, where: str = "true") -> str:
    """A select of them, in order, as SQL; an index leads with the column, on the rows that fit `where`.

    PostgreSQL itself would go through all rows.
    """
    first = f"select {column} from {table} where {where}"  # noqa: S608 - joined from constants
    return f"""
        with recursive found as (
            ({first} order by {column} limit 1)
            union all
            select ({first} and {column} > found.{column} order by {column} limit 1)
            from found where found.{column} is not null
        )
        select {column} from found where {column} is not null
    """  # noqa: S608 - joined from constants
