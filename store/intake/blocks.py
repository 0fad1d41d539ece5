"""Takes in what files and other sources say, block by block: what is known by now, and what must still come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

import sqlalchemy as sa

from engine.facts import EventLine, IncomingFact, ValueLine, account_key
from engine.imports import Block, Known
from engine.problems import Problem, Spot
from engine.screening import Screen
from engine.workspace import Workspace
from store import clock, intake
from store.intake import arriving, events, values
from store.intake.quarantine import Aside, put_aside
from store.intake.report import Verdict, no_account

Line = TypeVar("Line", ValueLine, EventLine)


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

    def __init__(self, conn: sa.Connection, workspace: Workspace) -> None:
        self._conn, self._now = conn, clock.now(conn)
        self._screen = Screen(workspace.quarantine, self._now)
        # Under a virtual clock the files hold the future as well, which waits for its day.
        self._may_be_ahead = clock.is_virtual(conn)
        self._odd: dict[datetime | None, str | None] = {None: None}
        self._aside: list[Aside] = []
        self._coming: set[str | None] = {None}
        self.counts: dict[str, FileCount] = {}
        self.problems: list[Problem] = []

    def take(self, block: Block) -> FileCount:
        """What has become of this import's rows so far."""
        count = self.counts.setdefault(block.by.name, FileCount())
        count.rows += block.rows
        count.repeats += block.repeats
        self.problems += block.problems
        for one in block.rejected:
            self.problems.append(one.problem)
            self._put_aside(block, one.problem, cells=one.row, typed=one.typed)
        self._take_facts(block, count)
        if block.values:
            self._take_lines(
                block, block.values, intake.take_in_values, lambda line: values.CONFLICT.format(field=line.field)
            )
        if block.events:
            self._take_lines(block, block.events, intake.take_in_events, lambda _: events.CONFLICT)
        put_aside(self._conn, self._aside, self._now)
        self._aside.clear()
        return count

    def _take_facts(self, block: Block, count: FileCount) -> None:
        facts = [known for known in block.facts if not self._is_odd(block, known)]
        due = sorted(
            (known for known in facts if not self._is_later(known.known_at)),
            key=lambda known: known.known_at or self._now,
        )
        if due:
            report = intake.take_in_dated(self._conn, ((known.fact, known.known_at or self._now) for known in due))
            count.facts += report.taken
            count.repeats += len(due) - report.taken - len(report.problems)
            for refusal in report.problems:
                code = "PB523" if refusal.why == "unknown_account" else "PB524"
                self._refuse(block, code, due[refusal.n].line, refusal.message, refusal.fact)
        self._stage(block, count, [known for known in facts if self._is_later(known.known_at)])

    def _take_lines(
        self,
        block: Block,
        lines: Sequence[Line],
        take_in: Callable[[sa.Connection, Sequence[Line]], Mapping[int, Verdict]],
        conflict: Callable[[Line], str],
    ) -> None:
        count = self.counts[block.by.name]
        due, places, later = self._sorted_out(block, lines)
        verdicts = take_in(self._conn, due) if due else {}
        count.facts += len(due) - len(verdicts)
        for n, verdict in verdicts.items():
            if verdict == "unknown_account":
                self._refuse(block, "PB523", places[n], no_account(due[n].account), due[n].fact())
            elif verdict == "conflict":
                self._refuse(block, "PB524", places[n], conflict(due[n]), due[n].fact())
            else:
                count.repeats += 1
        self._stage(block, count, later)

    def _sorted_out(self, block: Block, lines: Sequence[Line]) -> tuple[Sequence[Line], Sequence[int], Sequence[Known]]:
        """Those that are known by now, with their places in the file, and those that come later; the odd ones are put
        aside."""
        told = set(map(_TIMES, lines))
        if not any(learned_at is None or self._is_later(learned_at) or self._odd_time(at) for at, learned_at in told):
            return lines, block.lines, ()
        due: list[Line] = []
        places: list[int] = []
        later: list[Known] = []
        for line, place in zip(lines, block.lines, strict=True):
            if self._odd_time(line.at) is not None and self._is_odd(
                block, Known(fact=line.fact(), known_at=line.learned_at, line=place)
            ):
                continue
            if self._is_later(line.learned_at):
                later.append(Known(fact=line.fact(), known_at=line.learned_at, line=place))
            else:
                due.append(line if line.learned_at else line._replace(learned_at=self._now))
                places.append(place)
        return due, places, later

    def _stage(self, block: Block, count: FileCount, later: Sequence[Known]) -> None:
        """Keep what comes later; what would be refused then, when nobody is looking any more, is refused now."""
        if not later:
            return
        self._coming |= {known.fact.key for known in later if known.fact.kind == "account"}
        keys = {key for known in later if (key := account_key(known.fact)) is not None}
        there = intake.known_accounts(self._conn, keys) | self._coming
        for known in later:
            if account_key(known.fact) not in there:
                self._refuse(block, "PB523", known.line, no_account(account_key(known.fact)), known.fact)
        kept = [known for known in later if account_key(known.fact) in there]
        fresh = sum(arriving.stage(self._conn, [(known.fact, known.known_at or self._now) for known in kept]))
        count.staged += fresh
        count.repeats += len(kept) - fresh

    def _is_later(self, known_at: datetime | None) -> bool:
        return known_at is not None and known_at > self._now

    def _odd_time(self, at: datetime | None) -> str | None:
        if at not in self._odd:
            assert at is not None
            self._odd[at] = self._screen.odd_time(at, ahead=not self._may_be_ahead)
        return self._odd[at]

    def _is_odd(self, block: Block, known: Known) -> bool:
        """Whether it is put aside for its date."""
        if self._may_be_ahead and self._is_later(known.known_at):
            return False
        why = self._screen.fault(known.fact)
        if why is not None:
            hint = "it is put aside; see: tenure quarantine"
            problem = Problem(code="PB525", spot=Spot(file=block.file, line=known.line), message=why, hint=hint)
            self.problems.append(problem)
            self._put_aside(block, problem, fact=known.fact)
        return why is not None

    def _refuse(self, block: Block, code: str, line: int, message: str, fact: IncomingFact) -> None:
        spot, hint = Spot(file=block.file, line=line), "the rest of the file is not affected"
        problem = Problem(code=code, spot=spot, message=message, hint=hint)
        self.problems.append(problem)
        if code == "PB523":
            self._put_aside(block, problem, fact=fact)

    def _put_aside(
        self,
        block: Block,
        problem: Problem,
        *,
        cells: Mapping[str, Any] | None = None,
        typed: bool = False,
        fact: IncomingFact | None = None,
    ) -> None:
        self._aside.append(
            Aside(
                source=block.by.source,
                file=block.file,
                line=problem.spot.line,
                code=problem.code,
                part=problem.spot.path,
                reason=problem.message,
                cells=cells,
                typed=typed,
                fact=fact,
            )
        )


_TIMES = attrgetter("at", "learned_at")
