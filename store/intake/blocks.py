"""Takes in what files and other sources say, block by block: what is known by now, and what must still come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.facts import IncomingFact, MetricFact, ValueLine, account_key
from engine.imports import Block, Known
from engine.problems import Problem, Spot
from store import arriving, intake
from store.intake.report import no_account
from store.intake.values import CONFLICT


@dataclass(kw_only=True)
class FileCount:
    """What became of one import's rows."""

    rows: int = 0
    facts: int = 0
    """New facts taken in."""
    repeats: int = 0
    """Facts known before, and rows that say an id again."""
    staged: int = 0
    """Facts dated ahead of the clock, kept until their time comes."""


class BlockIntake:
    """Of one run over all sources, in the caller's transaction."""

    def __init__(self, conn: sa.Connection, now: datetime) -> None:
        self._conn, self._now = conn, now
        self._coming: set[str | None] = {None}
        self.counts: dict[str, FileCount] = {}
        self.problems: list[Problem] = []

    def take(self, block: Block) -> FileCount:
        """What has become of this import's rows so far."""
        count = self.counts.setdefault(block.by.name, FileCount())
        count.rows += block.rows
        count.repeats += block.repeats
        self.problems += block.problems
        self.problems += [one.problem for one in block.rejected]
        self._take_facts(block, count)
        self._take_values(block, count)
        return count

    def _take_facts(self, block: Block, count: FileCount) -> None:
        due = sorted(
            (known for known in block.facts if not self._is_later(known.known_at)),
            key=lambda known: known.known_at or self._now,
        )
        if due:
            report = intake.take_in_dated(self._conn, ((known.fact, known.known_at or self._now) for known in due))
            count.facts += report.taken
            count.repeats += len(due) - report.taken - len(report.problems)
            for refusal in report.problems:
                code = "PB523" if refusal.why == "unknown_account" else "PB524"
                self._refuse(block, code, due[refusal.n].line, refusal.message)
        self._stage(block, count, [known for known in block.facts if self._is_later(known.known_at)])

    def _take_values(self, block: Block, count: FileCount) -> None:
        due: list[ValueLine] = []
        places: list[int] = []
        later: list[Known] = []
        for value, place in zip(block.values, block.lines, strict=True):
            if self._is_later(value.learned_at):
                later.append(Known(fact=_metric(value), known_at=value.learned_at, line=place))
            else:
                due.append(value if value.learned_at else value._replace(learned_at=self._now))
                places.append(place)
        if due:
            verdicts = intake.take_in_values(self._conn, due)
            count.facts += len(due) - len(verdicts)
            for n, verdict in verdicts.items():
                if verdict == "unknown_account":
                    self._refuse(block, "PB523", places[n], no_account(due[n].account))
                elif verdict == "conflict":
                    self._refuse(block, "PB524", places[n], CONFLICT.format(field=due[n].field))
                else:
                    count.repeats += 1
        self._stage(block, count, later)

    def _stage(self, block: Block, count: FileCount, later: Sequence[Known]) -> None:
        """Keep what comes later; what would be refused then, when nobody is looking any more, is refused now."""
        if not later:
            return
        self._coming |= {known.fact.key for known in later if known.fact.kind == "account"}
        keys = {key for known in later if (key := account_key(known.fact)) is not None}
        there = intake.known_accounts(self._conn, keys) | self._coming
        for known in later:
            if account_key(known.fact) not in there:
                self._refuse(block, "PB523", known.line, no_account(account_key(known.fact)))
        kept = [known for known in later if account_key(known.fact) in there]
        fresh = sum(arriving.stage(self._conn, [(known.fact, known.known_at or self._now) for known in kept]))
        count.staged += fresh
        count.repeats += len(kept) - fresh

    def _is_later(self, known_at: datetime | None) -> bool:
        return known_at is not None and known_at > self._now

    def _refuse(self, block: Block, code: str, line: int, message: str) -> None:
        spot = Spot(file=block.file, line=line)
        self.problems.append(
            Problem(code=code, spot=spot, message=message, hint="the rest of the file is not affected")
        )


def _metric(value: ValueLine) -> IncomingFact:
    number = None if value.value is None else float(value.value)
    return MetricFact(account=value.account, metric=value.field.removeprefix("metric."), value=number, at=value.at)
