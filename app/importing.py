"""Reads a folder of files into the database by the workspace's `imports:`; a second time, nothing changes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from engine.facts import PersonFact, account_key
from engine.imports import Known, Reading, Table, read_facts, read_table
from engine.problems import Problem, Spot
from engine.workspace import Import, Workspace
from store import arriving, clock, intake

_STRIDE = 20_000

Progress = Callable[[str], None]
"""Is told, in words, what has just been done."""


@dataclass(frozen=True, kw_only=True)
class FileCount:
    """What became of one import's rows."""

    rows: int = 0
    facts: int = 0
    """New facts taken in."""
    repeats: int = 0
    """Facts known before, and rows that say an id again."""
    staged: int = 0
    """Facts dated ahead of the clock, kept until their time comes."""


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
    """Take in what the files say up to the clock's instant, and stage the rest; one transaction.

    `as_of` first stops the clock there; ValueError if it already stands later.
    """
    tables, problems = _tables(workspace, folder, progress)
    with _connected(where) as conn:
        if as_of is not None:
            clock.set_virtual(conn, as_of)
        now = clock.now(conn)
        reading = read_facts(workspace, tables, intake.account_zones(conn))
        progress(f"{len(reading.facts):,} facts read")
        counts, refused = _take_in(conn, workspace, reading, tables, now=now, progress=progress)
    return ImportReport(counts=counts, problems=_once([*problems, *reading.problems, *refused]), now=now)


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


def _tables(workspace: Workspace, folder: Path, progress: Progress) -> tuple[dict[str, Table], list[Problem]]:
    tables: dict[str, Table] = {}
    problems: list[Problem] = []
    for one in workspace.imports:
        try:
            # Spreadsheets put a byte order mark in front, which would become part of the first column's name.
            text = (folder / one.file).read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(_unreadable(one, folder, error))
            continue
        tables[one.name] = read_table(text, one.file)
        progress(f"{one.file}: {len(tables[one.name].rows):,} rows")
    return tables, problems


def _unreadable(one: Import, folder: Path, error: OSError | UnicodeDecodeError) -> Problem:
    why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else (error.strerror or "it cannot be read")
    return Problem(
        code="PB520",
        spot=Spot(file=one.file),
        message=f"the import {one.name} is left out: {why}",
        hint=f"it is looked for in {folder}",
    )


def _take_in(
    conn: sa.Connection,
    workspace: Workspace,
    reading: Reading,
    tables: Mapping[str, Table],
    *,
    now: datetime,
    progress: Progress,
) -> tuple[dict[str, FileCount], list[Problem]]:
    people = [PersonFact(**person.model_dump()) for person in workspace.people]
    intake.take_in(conn, people, known_at=now)
    due = [known for known in reading.facts if known.known_at is None or known.known_at <= now]
    due.sort(key=lambda known: known.known_at or now)
    later = [known for known in reading.facts if known.known_at is not None and known.known_at > now]
    taken: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    problems: list[Problem] = []
    for start in range(0, len(due), _STRIDE):
        part = due[start : start + _STRIDE]
        report = intake.take_in_dated(conn, ((known.fact, known.known_at or now) for known in part))
        taken.update(part[n].by for n in report.fresh)
        refused.update(part[refusal.n].by for refusal in report.problems)
        problems += [_refusal(refusal, part[refusal.n], tables) for refusal in report.problems]
        progress(f"{min(start + _STRIDE, len(due)):,} of {len(due):,} facts taken in")
    # What comes later would be refused when nobody is looking any more.
    accounts: set[str | None] = {None, *intake.account_keys(conn)}
    accounts |= {known.fact.key for known in later if known.fact.kind == "account"}
    lost = [known for known in later if account_key(known.fact) not in accounts]
    refused.update(known.by for known in lost)
    problems += [_unknown_account(known, tables) for known in lost]
    later = [known for known in later if account_key(known.fact) in accounts]
    kept = arriving.stage(conn, [(known.fact, known.known_at or now) for known in later])
    staged = Counter(known.by for known, is_new in zip(later, kept, strict=True) if is_new)
    told = Counter(known.by for known in reading.facts)
    counts = {
        name: FileCount(
            rows=rows,
            facts=taken[name],
            staged=staged[name],
            repeats=told[name] - taken[name] - staged[name] - refused[name] + reading.repeats.get(name, 0),
        )
        for name, rows in reading.rows.items()
    }
    return counts, problems


def _unknown_account(known: Known, tables: Mapping[str, Table]) -> Problem:
    return Problem(
        code="PB523",
        spot=Spot(file=tables[known.by].file, line=known.line),
        message=f'there is no account "{account_key(known.fact)}"; tell the account first',
        hint="the rest of the file is not affected",
    )


def _refusal(refusal: intake.Refusal, known: Known, tables: Mapping[str, Table]) -> Problem:
    return Problem(
        code="PB523" if refusal.why == "unknown_account" else "PB524",
        spot=Spot(file=tables[known.by].file, line=known.line),
        message=refusal.message,
        hint="the rest of the file is not affected",
    )
