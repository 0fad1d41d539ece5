"""A run in memory: the interpreter's runtime, its letters, and what is watched for it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.calendars import Place, add
from engine.durations import parse_duration
from engine.interpreter import Run, play
from engine.outline import by_path
from engine.plan import Compiled
from engine.simulation.acts import perform
from engine.simulation.happening import Happening, of_act, of_entry, of_standing
from engine.simulation.world import World
from engine.triggers.memory import ARMED, Memory, advance
from engine.turns.position import Ending, Position
from engine.turns.runtime import Act, Entry, Fact, FactKind, Receipt, Rest, Standing, Values, Waiting
from engine.values import Condition


class _Suspended:
    """What a resting run awaits: the simulation takes over."""

    def __await__(self) -> Generator["_Suspended", None, None]:
        yield self


_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass
class Watch:
    """What is watched for a run."""

    condition: Condition | None
    """Of an event: what is asked of it."""
    event: str | None
    dwell: str | None
    kind: FactKind
    of: str
    values: Values
    memory: Memory = ARMED
    met: bool = False
    since: datetime = _ALWAYS
    """Events from before do not count."""
    learned: int = 0
    """How many of the account's events were looked at,"""
    looked: datetime | None = None
    """and when."""


class SimulatedRun:
    """A run in memory; engine.turns.runtime.Runtime for itself."""

    def __init__(self, world: World, compiled: Compiled, number: int, key: str, at: datetime) -> None:
        self.number, self.compiled, self.key = number, compiled, key
        self.trace: list[Entry] = []
        self.entered: dict[str, None] = {}
        """Paths of the sequences and steps it has walked, in their order."""
        self.ending: Ending | None = None
        self.ended_at: datetime | None = None
        self.resting = Rest(until=None, ready=lambda: True)
        self.watches: dict[str, Watch] = {}
        self._world = world
        self._clock = at
        self._told = 0
        self._steps = by_path(compiled.plan)
        self._stands: Mapping[str, Standing] = {}
        self._letters: list[Fact] = []
        self.run = Run(compiled.plan, Position(clock=at), self.note, self._enter, account=world.account.key)
        self._playing = play(self.run, self)
        self.expires_at = add(at, parse_duration(compiled.plan.max_age), Place())
        plan = compiled.plan
        if plan.goal:
            values = {"reason": "goal reached"}
            self.watches["goal"] = Watch(plan.goal.when, None, plan.goal.dwell, "end", "goal", values)
        for i, exit_ in enumerate(plan.exits):
            self.watches[f"exit/{i}"] = Watch(exit_.when, None, None, "end", "exit", {"reason": exit_.reason})

    @property
    def over(self) -> bool:
        return self.ending is not None

    def due(self, now: datetime) -> Iterator[datetime]:
        """Instants at which it must be looked at."""
        if self.ending is None and self.resting.until:
            yield self.resting.until
        if self.ending is None and self.expires_at > now:
            yield self.expires_at
        for watch in self.watches.values():
            if watch.memory.due_at and watch.memory.due_at > now:
                yield watch.memory.due_at

    def look(self, now: datetime) -> None:
        """The sweep's look: has it grown too old, has anything come true that it waits for?"""
        if self.ending is None and self.expires_at <= now:
            self._expire(now)
        for watch in self.watches.values():
            if watch.event is not None:
                self._listen(watch, now)
                continue
            if watch.met or watch.condition is None:
                continue
            account = self._world.account
            due = add(now, parse_duration(watch.dwell), account.place) if watch.dwell else None
            watch.memory, happened = advance(
                watch.memory, trips=account.truth(watch.condition), rearms=None, now=now, due=due
            )
            if happened == "fired":
                watch.met = True
                self.tell(watch.kind, watch.of, watch.values, now)

    def _listen(self, watch: Watch, now: datetime) -> None:
        """Has the event come that it waits for, among those learned, or dated, since the last look?"""
        account, looked = self._world.account, watch.looked
        new = [one for i, one in enumerate(account.events) if i >= watch.learned or (looked and one.at > looked)]
        watch.learned, watch.looked = len(account.events), now
        mine = [one for one in new if one.event == watch.event and watch.since <= one.at <= now]
        if not watch.met and any(account.fits(watch.condition, one.row) for one in mine):
            watch.met = True
            self.tell(watch.kind, watch.of, {"event": watch.event}, now)

    def tell(self, kind: FactKind, of: str, values: Values, at: datetime) -> None:
        """Put a fact into the run's outbox; it is heard with all others of the round."""
        if self.ending is None:
            self._told += 1
            self._letters.append(Fact(n=self._told, at=at, kind=kind, of=of, values=values))

    def deliver(self, now: datetime) -> bool:
        """Hear what was told and go on as far as possible; whether anything was to be heard."""
        letters, self._letters = self._letters, []
        for fact in letters:
            self.run.hear(fact)
            self._clock = max(self._clock, fact.at)
        due = self.ending is None and self.resting.until is not None and self.resting.until <= now
        if due:
            self._clock = max(self._clock, now)
        if self.ending is None and (self.resting.ready() or due):
            self.go_on()
        return bool(letters) or due

    def go_on(self) -> None:
        """Play on until it rests or ends."""
        try:
            self._playing.send(None)
        except StopIteration as stop:
            self.ending, self.ended_at = stop.value, self._clock
            self.watches.clear()

    def _enter(self, path: str) -> None:
        self.entered[path] = None

    def _expire(self, now: datetime) -> None:
        if "age" not in self.watches:
            self.watches["age"] = Watch(None, None, None, "end", "stop", {}, met=True)
            self.tell("end", "stop", {"reason": f"older than {self.compiled.plan.max_age}"}, now)

    # --- engine.turns.runtime.Runtime ---

    def now(self) -> datetime:
        return self._clock

    def note(self, entry: Entry) -> None:
        self.trace.append(entry)
        self._record(of_entry(entry, self.number))

    async def read(self, fields: Sequence[str]) -> Values:
        return self._world.read(fields)

    async def act(self, acts: Sequence[Act]) -> Sequence[Receipt]:
        receipts = [perform(self._world, self, act) for act in acts]
        for act, receipt in zip(acts, receipts, strict=True):
            detail = {"step": act.step, "outcome": receipt.outcome, **receipt.values}
            if act.visit > 1:
                detail["visit"] = act.visit
            if receipt.reason:
                detail["reason"] = receipt.reason
            self.trace.append(Entry(seq=act.seq, at=self._clock, path=act.path, what=act.verb, detail=detail))
            if act.verb != "withdraw":
                self._record(of_act(act, receipt, self._clock, self.number))
        return receipts

    async def rest(self, rest: Rest) -> None:
        self.resting = rest
        self._follow(rest.waiting)
        self._stand(rest.standing)
        while not rest.ready() and not (rest.until is not None and rest.until <= self._clock):
            await _Suspended()

    def _record(self, happening: Happening | None) -> None:
        if happening is not None:
            self._world.record(replace(happening, playbook=self.compiled.playbook))

    def _stand(self, standing: Sequence[Standing]) -> None:
        """Say of every branch that it begins to wait, once; waiting for answers goes without saying."""
        now_at = {one.path: one for one in standing}
        for path, one in now_at.items():
            step = self._steps.get(path.partition("/")[0])
            if path not in self._stands and step is not None and step.family == "wait":
                self._record(of_standing(one, self._clock, self.number))
        self._stands = now_at

    def _follow(self, waiting: Sequence[Waiting]) -> None:
        keys = {one.key for one in waiting}
        for key in [key for key, watch in self.watches.items() if watch.kind == "met" and key not in keys]:
            del self.watches[key]
        for one in waiting:
            if one.key in self.watches:
                continue
            condition = Condition.model_validate(one.condition) if one.condition is not None else None
            watch = self.watches[one.key] = Watch(condition, one.event, None, "met", one.key, {})
            watch.since, watch.learned = one.since or self._clock, len(self._world.account.events)
            watch.looked = self._clock
            if self._world.account.has_come(condition, one):
                watch.met = True
                self.run.position.inbox.met[one.key] = self._clock
