"""Reads a folder of files into the database by the workspace's `imports:`; a second time, nothing changes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from app.ahead import ahead
from app.import_files import open_tables
from engine.facts import PersonFact
from engine.imports import Reader
from engine.problems import Problem
from engine.workspace import Workspace
from store import clock, intake
from store.intake.blocks import BlockIntake, FileCount

Progress = Callable[[str], None]
"""Is told, in words, what has just been done."""


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import did; problems that are errors name rows that were left out."""

    counts: Mapping[str, FileCount]
    problems: tuple[Problem, ...]
    now: datetime
    """The clock's instant it was done at."""


def import_folder(
    where: sa.Engine | sa.Connection,
    workspace: Workspace,
    folder: Path,
    as_of: datetime | None = None,
    progress: Progress = lambda _words: None,
) -> ImportReport:
    """Take in what the files say up to the clock's instant, and stage the rest; one transaction, whatever the size.

    In pieces, a sweep between two of them would take the half that is there for all there is. `as_of` first stops the
    clock there; ValueError if it already stands later.
    """
    tables, problems = open_tables(workspace, folder)
    with _connected(where) as conn:
        if as_of is not None:
            clock.set_virtual(conn, as_of)
        now = clock.now(conn)
        people = [PersonFact(**person.model_dump()) for person in workspace.people]
        intake.take_in(conn, people, known_at=now)
        taking = BlockIntake(conn, workspace)
        for block in ahead(Reader(workspace, tables, intake.account_zones(conn)).blocks()):
            count = taking.take(block)
            progress(f"{block.file}: {count.rows:,} rows, {count.facts:,} new facts")
    return ImportReport(counts=taking.counts, problems=_once([*problems, *taking.problems]), now=now)


def _once(problems: list[Problem]) -> tuple[Problem, ...]:
    """A row that makes two facts has one problem."""
    return tuple(dict.fromkeys(problems))


@contextmanager
def _connected(where: sa.Engine | sa.Connection) -> Iterator[sa.Connection]:
    if isinstance(where, sa.Connection):
        yield where
    else:
        with where.begin() as conn:
            yield conn
