"""Pulls rows from other databases: by a person, or regularly by Temporal Schedules that follow the workspace."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from connectors.errors import ConnectorError
from connectors.source.sql import SqlSource, before, reached
from engine.imports import Table, wanted_columns
from engine.problems import Problem
from engine.workspace import Pull, Workspace
from store.deployed import NothingDeployed, load_workspace
from store.intake import pulling

OpenSource = Callable[[Pull], SqlSource]
"""Opens a source by its declaration; raises Misconfigured."""


@dataclass(kw_only=True)
class Pulled:
    """What a pull came to."""

    rows: int = 0
    facts: int = 0
    """New ones."""
    repeats: int = 0
    problems: list[Problem] = field(default_factory=list)


def declared_pulls(database: sa.Engine) -> Mapping[str, Pull]:
    """The sources of the deployed workspace, by name."""
    with database.connect() as conn:
        try:
            return load_workspace(conn).pulls
        except NothingDeployed:
            return {}


def pull(database: sa.Engine, workspace: Workspace, one: Pull, open_source: OpenSource) -> Pulled:
    """Take in all that is new, some thousand rows and their cursor by one transaction: killed, it goes on from there.

    Raises ConnectorError when the source cannot be read, Overtaken when somebody else is at it.
    """
    with database.begin() as conn:
        cursor = pulling.cursor_of(conn, one)
    columns = tuple(dict.fromkeys((*wanted_columns(workspace, one.mapping), one.cursor)))
    place = columns.index(one.cursor)
    total = Pulled()
    try:
        source = open_source(one)
        try:
            since = None if cursor is None else before(cursor, one.overlap.exact)
            for rows in source.batches(columns, since):
                numbered = tuple(enumerate(rows, start=total.rows + 1))
                table = Table(file=one.name, columns=columns, rows=numbered, typed=True)
                becomes = reached(cursor, [row[place] for row in rows], datetime.now(UTC))
                with database.begin() as conn:
                    count, problems = pulling.take_rows(conn, workspace, one, table, cursor=(cursor, becomes))
                cursor = becomes
                total.rows += len(rows)
                total.facts += count.facts
                total.repeats += count.repeats
                total.problems += problems
        finally:
            source.close()
    except ConnectorError as error:
        with database.begin() as conn:
            pulling.finished(conn, one.name, str(error))
        raise
    with database.begin() as conn:
        pulling.finished(conn, one.name)
    return total
