"""Carries one account through one plan, in turns: hear facts, walk until every branch waits, ask, walk again, rest.

Goal, exit, stop and pause live around the tree (`Run.advance`); no step looks for them. An act takes no time of its
own and none is under way between turns, so a run may be torn down and rebuilt from its position before any turn.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.plan import Plan
from engine.turns.blocks import Ask, Block, Branch
from engine.turns.paths import WAIT
from engine.turns.position import Ending, Inbox, Position
from engine.turns.runtime import Act, Entry, Fact, Rest, Runtime, Standing
from engine.turns.walk import Walk

_PAUSED = Standing(path="", step="", says="paused")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one walk came to: questions to ask, or else a rest."""

    reads: tuple[Ask, ...] = ()
    acts: tuple[Ask, ...] = ()
    rest: Rest | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """What is to be read, each once."""
        return tuple(dict.fromkeys(name for ask in self.reads for name in ask.question))  # type: ignore[union-attr]


def first_reads(plan: Plan, at: datetime) -> tuple[str, ...]:
    """What a run that starts at this instant asks first; nothing where it acts or rests before it reads. Where an
    experiment draws, another account may ask for something else."""
    turn = Run(plan, fresh(at), lambda _entry: None).advance(at)
    return turn.fields if turn else ()


def fresh(at: datetime) -> Position:
    """Where a run begins: its start is the first thing that its outbox holds."""
    return Position(clock=at, inbox=Inbox(heard=1))


async def play(run: "Run", runtime: Runtime) -> Ending:
    """The loop around every run, on Temporal and in memory alike."""
    while turn := run.advance(runtime.now()):
        if turn.reads:
            values = await runtime.read(turn.fields)
            for ask in turn.reads:
                ask.answer = values
        elif turn.acts:
            receipts = await runtime.act([ask.question for ask in turn.acts])  # type: ignore[misc]
            for ask, receipt in zip(turn.acts, receipts, strict=True):
                ask.answer = receipt
        elif turn.rest:
            await runtime.rest(turn.rest)
    return run.ending


class Run:
    """A plan under way. Synchronous: `advance` walks, `hear` may be called at any time between."""

    def __init__(
        self,
        plan: Plan,
        position: Position,
        note: Callable[[Entry], None],
        enters: Callable[[str], None] = lambda _path: None,
        *,
        account: str = "",
    ) -> None:
        """`account` is the key by which experiments are drawn."""
        self.plan = plan
        self.position = position
        self._walk = Walk(position, note, enters, lot=(account, plan.playbook))
        self._branch: Branch | None = None
        self._closing = False

    @property
    def ending(self) -> Ending:
        assert self.position.ending is not None, "the run has not ended"
        return self.position.ending

    def hear(self, fact: Fact) -> bool:
        """Take a fact in, whatever the run is doing; False for a repeat."""
        return self.position.inbox.hear(fact)

    def advance(self, now: datetime) -> Turn | None:
        """Walk as far as possible at this instant of the run's own clock; None when the run is over."""
        position = self.position
        position.clock = max(now, position.clock)
        if position.closed:
            return None
        if not position.ending and not position.inbox.ending and position.inbox.paused:
            return Turn(rest=Rest(until=None, ready=self._may_go_on, standing=(_PAUSED,)))
        if self.plan.pause == "extend":
            self._extend_waits()
        self._drive()
        return self._turn()

    def _extend_waits(self) -> None:
        """After a pause, what waited before it waits as much longer."""
        owed = timedelta(seconds=self.position.inbox.paused_for - self.position.extended)
        if owed:
            self.position.extended = self.position.inbox.paused_for
            self._walk.extend(owed)
            for request in self._branch.requests() if self._branch else ():
                if isinstance(request, Block) and request.until and request.standing.path.endswith(WAIT):
                    request.until += owed
                    request.standing = replace(request.standing, until=request.until)

    def _drive(self) -> None:
        position = self.position
        if not position.ending and not position.inbox.ending:
            self._branch = self._branch or Branch(self._walk.sequence(self.plan.steps, "steps"))
            self._branch.drive(position.clock)
            if self._branch.done and not position.ending:
                position.ending = Ending(outcome="end", reason="worked through")
        position.ending = position.ending or position.inbox.ending
        if position.ending and not self._closing:
            if self._branch:
                self._branch.close()
            withdraw = position.ending.outcome in self.plan.withdraws_on
            self._branch, self._closing = Branch(self._walk.close(position.ending, withdraw=withdraw)), True
        if self._closing and self._branch:
            self._branch.drive(position.clock)

    def _may_go_on(self) -> bool:
        return not self.position.inbox.paused or self.position.inbox.ending is not None

    def _turn(self) -> Turn | None:
        if self.position.closed:
            return None
        assert self._branch is not None
        requests = list(self._branch.requests())
        asks = [request for request in requests if isinstance(request, Ask) and request.answer is None]
        reads = tuple(ask for ask in asks if not isinstance(ask.question, Act))
        if reads:
            return Turn(reads=reads)
        if asks:
            return Turn(acts=tuple(asks))
        blocks = [request for request in requests if isinstance(request, Block)]
        return Turn(
            rest=Rest(
                until=min((block.until for block in blocks if block.until), default=None),
                ready=lambda: self._interrupted() or any(block.ready() for block in blocks),
                waiting=tuple(self._walk.waiting.values()),
                standing=tuple(block.standing for block in blocks),
                stuck=any(block.stuck for block in blocks),
            )
        )

    def _interrupted(self) -> bool:
        return self.position.inbox.ending is not None or self.position.inbox.paused
