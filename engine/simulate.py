"""Runs playbooks in memory for one account: the same plan, interpreter, triggers and rules, in virtual time, without a
loop. At each instant it keeps the order of the virtual clock's driver: facts, people, sweep, runs, mail, until quiet.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Protocol

from engine.calendars import Place, add, holidays_of, local_date, local_midnight
from engine.durations import Duration, parse_duration
from engine.entry import Claim, OpenRun, Outlook, judge
from engine.expressions import evaluate
from engine.interpreter import Run, play
from engine.plan import Compiled
from engine.position import Ending, Position
from engine.runtime import Act, Entry, Fact, FactKind, Receipt, Rest, Values, Waiting
from engine.scorecards import card_for, score
from engine.triggers.base import Edge, Moment
from engine.triggers.memory import ARMED, UNSEEN, Memory, advance, moment_of, opens_at
from engine.values import Condition
from engine.workspace import Workspace

_MOST_ROUNDS = 200
_DONE = {"remind": "reminded", "escalate": "escalated"}
"""Outcomes of side acts, as workflows/acts has them."""


class People(Protocol):
    """What colleagues and customers do when asked; None where they do nothing."""

    def task(self, step: str, outcomes: Sequence[str]) -> tuple[timedelta, str] | None:
        """How long after the task was given it is completed, and its outcome."""
        ...

    def mail(self, step: str) -> tuple[str, Sequence[tuple[timedelta, str]]]:
        """The mail's outcome (`sent`, `skipped`, …), and events such as ("email.clicked") with their delays."""
        ...


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something the simulation did, in order."""

    at: datetime
    what: str
    """start | held | lapsed | not_started | email | task | remind | escalate | expire | set | end | stuck"""
    step: str = ""
    says: str = ""
    run: int = 0


class Account:
    """One account's facts, as they become known."""

    def __init__(self, workspace: Workspace, contacts: Sequence[str]) -> None:
        self.workspace = workspace
        self.contacts = tuple(contacts)
        self.now = datetime.min.replace(tzinfo=UTC)
        self.place = Place(zone=workspace.zone)
        self.values: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._past: dict[str, list[tuple[datetime, float | None]]] = {}

    def learn(self, fields: Mapping[str, Any]) -> None:
        """Fields by full name; None is known to be empty."""
        self._told.update(fields)

    def happened(self, event: str, at: datetime, props: Mapping[str, Any]) -> None:
        self._rows.setdefault(f"event.{event}", []).append({**props, "at": at})

    def look(self, now: datetime) -> None:
        """Work out at this instant what the sweep's projection would: metrics, derived fields, scores, their past."""
        self.now = now
        zone = self._told.get("account.zone") or self.workspace.zone
        calendar = self.workspace.calendar
        days: tuple[date, ...] = ()
        if calendar.country:
            years = range(now.year, (now + timedelta(days=400)).year + 1)
            days = holidays_of(calendar.country, calendar.subdivision, years)
        self.place = Place(zone=zone, country=calendar.country, weekend=calendar.weekend, holidays=days)
        self.values = dict(self._told)
        for one in self.workspace.computed:
            if one.name not in self._told:
                self.values[one.name] = self._computed(one)
        for id_, cards in self.workspace.cards().items():
            self._score(id_, cards)
        for name, value in self.values.items():
            if isinstance(value, float | int) and not isinstance(value, bool):
                past = self._past.setdefault(name, [])
                if not past or past[-1][1] != value:
                    past.append((now, float(value)))

    def _computed(self, one: Any) -> Any:
        if one.expression is not None:
            return evaluate(one.expression.expression, self)
        return next((value for value, when in one.cases if evaluate(when.expression, self) is True), None)

    def _score(self, id_: str, cards: Sequence[Any]) -> None:
        card = card_for(cards, self) or (cards[0] if f"{id_}.score" in self._told else None)
        if card is None:
            return
        told = f"{id_}.score" in self._told
        value = self._told[f"{id_}.score"] if told else score(card, self).value
        self.values[f"{id_}.score"] = value
        self.values[f"{id_}.band"] = card.band_of(value)

    # --- engine.expressions.Env ---

    @property
    def today(self) -> date:
        return local_date(self.now, self.place.zone)

    def field(self, name: str) -> Any:
        return self.values.get(name)

    def local_date(self, at: datetime) -> date:
        return local_date(at, self.place.zone)

    def highest(self, name: str, window: Duration) -> float | None:
        return max(self._in_force(name, window), default=None)

    def lowest(self, name: str, window: Duration) -> float | None:
        return min(self._in_force(name, window), default=None)

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        return [row for row in self._rows.get(source, ()) if row["at"] <= self.now]

    def _in_force(self, name: str, window: Duration) -> list[float]:
        assert window.exact is not None, "the checker allows only windows of an exact length"
        opens, past = self.now - window.exact, self._past.get(name, [])
        before = [value for at, value in past if at <= opens][-1:]
        return [value for value in (*before, *(value for at, value in past if at > opens)) if value is not None]

    def truth(self, condition: Condition) -> Any:
        return evaluate(condition.expression, self)

    def has_come(self, condition: Condition | None, waiting: Waiting) -> bool:
        """Whether what a run begins to wait for is there already."""
        if condition is not None:
            return self.truth(condition) is True
        return any(waiting.since is None or row["at"] >= waiting.since for row in self.rows(f"event.{waiting.event}"))


class _Suspended:
    """What a resting run awaits: the simulation takes over."""

    def __await__(self) -> Generator["_Suspended", None, None]:
        yield self


@dataclass
class _Watch:
    condition: Condition | None
    event: str | None
    dwell: str | None
    kind: FactKind
    of: str
    values: Values
    memory: Memory = ARMED
    met: bool = False


class SimulatedRun:
    """A run in memory; engine.runtime.Runtime for itself."""

    def __init__(self, simulation: "Simulation", compiled: Compiled, number: int, key: str, at: datetime) -> None:
        self.number, self.compiled, self.key = number, compiled, key
        self.trace: list[Entry] = []
        self.ending: Ending | None = None
        self.ended_at: datetime | None = None
        self.resting = Rest(until=None, ready=lambda: True)
        self.watches: dict[str, _Watch] = {}
        self._simulation = simulation
        self._clock = at
        self._told = 0
        self._letters: list[Fact] = []
        self.run = Run(compiled.plan, Position(clock=at), self.note)
        self._playing = play(self.run, self)
        self.expires_at = add(at, parse_duration(compiled.plan.max_age), Place())
        plan = compiled.plan
        if plan.goal:
            values = {"reason": "goal reached"}
            self.watches["goal"] = _Watch(plan.goal.when, None, plan.goal.dwell, "end", "goal", values)
        for i, exit_ in enumerate(plan.exits):
            self.watches[f"exit/{i}"] = _Watch(exit_.when, None, None, "end", "exit", {"reason": exit_.reason})

    def tell(self, kind: FactKind, of: str, values: Values, at: datetime) -> None:
        """Put a fact into the run's outbox; it is heard with all others of the round."""
        if self.ending is None:
            self._told += 1
            self._letters.append(Fact(n=self._told, at=at, kind=kind, of=of, values=values))

    def expire(self, now: datetime) -> None:
        """It has grown too old; told once."""
        if "age" not in self.watches:
            self.watches["age"] = _Watch(None, None, None, "end", "stop", {}, met=True)
            self.tell("end", "stop", {"reason": f"older than {self.compiled.plan.max_age}"}, now)

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
            self._go_on()
        return bool(letters) or due

    def _go_on(self) -> None:
        try:
            self._playing.send(None)
        except StopIteration as stop:
            self.ending, self.ended_at = stop.value, self._clock
            self.watches.clear()

    # --- engine.runtime.Runtime ---

    def now(self) -> datetime:
        return self._clock

    def note(self, entry: Entry) -> None:
        self.trace.append(entry)
        if entry.what == "stuck":
            self._simulation.record(Happening(at=entry.at, what="stuck", step=entry.detail["step"], run=self.number))

    async def read(self, fields: Sequence[str]) -> Values:
        return self._simulation.read(fields)

    async def act(self, acts: Sequence[Act]) -> Sequence[Receipt]:
        receipts = [self._simulation.perform(self, act) for act in acts]
        for act, receipt in zip(acts, receipts, strict=True):
            detail = {"step": act.step, "outcome": receipt.outcome, **receipt.values}
            if receipt.reason:
                detail["reason"] = receipt.reason
            self.trace.append(Entry(seq=act.seq, at=self._clock, path=act.path, what=act.verb, detail=detail))
        return receipts

    async def rest(self, rest: Rest) -> None:
        self.resting = rest
        self._follow(rest.waiting)
        while not rest.ready() and not (rest.until is not None and rest.until <= self._clock):
            await _Suspended()

    def _follow(self, waiting: Sequence[Waiting]) -> None:
        keys = {one.key for one in waiting}
        for key in [key for key, watch in self.watches.items() if watch.kind == "met" and key not in keys]:
            del self.watches[key]
        for one in waiting:
            if one.key in self.watches:
                continue
            condition = Condition.model_validate(one.condition) if one.condition is not None else None
            watch = self.watches[one.key] = _Watch(condition, one.event, None, "met", one.key, {})
            if self._simulation.account.has_come(condition, one):
                watch.met = True
                self.run.position.inbox.met[one.key] = self._clock


@dataclass
class _Playbook:
    compiled: Compiled
    memories: dict[str, Memory] = field(default_factory=dict)
    fired: set[tuple[str, Any]] = field(default_factory=set)
    held: list[Claim] = field(default_factory=list)


class Simulation:
    """Playbooks, one account, and people, in virtual time."""

    def __init__(self, playbooks: Sequence[Compiled], account: Account, people: People) -> None:
        self.account = account
        self.happenings: list[Happening] = []
        self.runs: list[SimulatedRun] = []
        self._people = people
        self._playbooks = [
            _Playbook(compiled) for compiled in sorted(playbooks, key=lambda one: (-one.priority, one.playbook))
        ]
        self._agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._count = 0
        self._since: datetime | None = None
        self._live_since: datetime | None = None
        self._mails: list[tuple[SimulatedRun, Act]] = []
        self._changed = False

    def at(self, instant: datetime, do: Callable[[datetime], None]) -> None:
        """Have something happen at an instant; things of one instant happen in the order they were given."""
        self._count += 1
        heappush(self._agenda, (instant, self._count, do))

    def advance(self, to: datetime) -> None:
        """Go on to an instant, stopping wherever something is due."""
        while (instant := self._next(to)) is not None:
            self.stop_at(instant)

    def _next(self, to: datetime) -> datetime | None:
        now = self._since
        due = [self._agenda[0][0]] if self._agenda else []
        if now is not None:
            due.append(
                local_midnight(local_date(now, self.account.place.zone) + timedelta(days=1), self.account.place.zone)
            )
            due += [run.resting.until for run in self.runs if run.ending is None and run.resting.until]
            due += [run.expires_at for run in self.runs if run.ending is None and run.expires_at > now]
            memories = [memory for one in self._playbooks for memory in one.memories.values()]
            memories += [watch.memory for run in self.runs for watch in run.watches.values()]
            due += [memory.due_at for memory in memories if memory.due_at and memory.due_at > now]
        instant = min(due, default=to)
        return min(instant, to) if now is None or now < to else None

    def stop_at(self, now: datetime) -> None:
        """Everything that happens at one instant, until all is quiet."""
        while self._agenda and self._agenda[0][0] <= now:
            heappop(self._agenda)[2](now)
        for _ in range(_MOST_ROUNDS):
            self._changed = False
            self._sweep(now)
            heard = [run.deliver(now) for run in list(self.runs)]
            mails, self._mails = self._mails, []
            for run, act in mails:
                self._settle(run, act, now)
            if not any(heard) and not mails and not self._changed:
                return
        raise RuntimeError(f"facts and acts follow each other in a circle at {now.isoformat()}")

    def record(self, happening: Happening) -> None:
        self.happenings.append(happening)

    def start(self, compiled: Compiled, now: datetime) -> SimulatedRun:
        """Start a run as a person would, without asking any rule."""
        run = SimulatedRun(self, compiled, len(self.runs) + 1, "", now)
        self.runs.append(run)
        run._go_on()  # noqa: SLF001 - the simulation drives its runs
        return run

    # --- the sweep ---

    def _sweep(self, now: datetime) -> None:
        account = self.account
        account.look(now)
        self._live_since = self._live_since or now
        for one in self._playbooks:
            fired = (*self._edges(one, now), *self._moments(one, now))
            held, one.held = one.held, []
            for claim in held:
                self._judge(one, claim, now)
            if fired:
                self._judge(one, Claim(triggers=fired), now)
        self._watch(now)
        self._since = now

    def _edges(self, one: _Playbook, now: datetime) -> list[str]:
        fired = []
        for trigger in one.compiled.triggers:
            if not isinstance(trigger, Edge):
                continue
            due = add(now, parse_duration(trigger.dwell), self.account.place) if trigger.dwell else None
            memory, happened = advance(
                one.memories.get(trigger.id, UNSEEN),
                trips=self.account.truth(trigger.trips),
                rearms=self.account.truth(trigger.rearms),
                now=now,
                due=due,
            )
            one.memories[trigger.id] = memory
            if happened == "fired" or (happened == "existing" and one.compiled.entry.existing == "include"):
                fired.append(trigger.id)
        return fired

    def _moments(self, one: _Playbook, now: datetime) -> list[str]:
        fired = []
        for trigger in one.compiled.triggers:
            value = self.account.field(trigger.field) if isinstance(trigger, Moment) else None
            if not isinstance(trigger, Moment) or value is None or (trigger.id, value) in one.fired:
                continue
            moment = moment_of(trigger, value, self.account.place)
            assert self._live_since is not None
            opens = opens_at(trigger, now=now, since=self._since, live_since=self._live_since, place=self.account.place)
            if moment is not None and opens < moment <= now:
                one.fired.add((trigger.id, value))
                fired.append(trigger.id)
        return fired

    def _judge(self, one: _Playbook, claim: Claim, now: datetime) -> None:
        compiled, account = one.compiled, self.account
        goal = compiled.plan.goal
        edges = [trigger for trigger in compiled.triggers if isinstance(trigger, Edge)]
        outlook = Outlook(
            place=account.place,
            audience=account.truth(compiled.audience),
            goal=account.truth(goal.when) if goal else None,
            exits=tuple(account.truth(exit_.when) for exit_ in compiled.plan.exits),
            trips={trigger.id: account.truth(trigger.trips) for trigger in edges},
            rearms={trigger.id: account.truth(trigger.rearms) for trigger in edges},
            others=tuple(trigger.id for trigger in compiled.triggers if not isinstance(trigger, Edge)),
            key=account.field(compiled.entry.key) if compiled.entry.key else None,
        )
        ends = [run.ended_at for run in self.runs if run.compiled.playbook == compiled.playbook and run.ended_at]
        open_runs = [self._open(run) for run in self.runs if run.ending is None]
        ruling = judge(compiled, "active", claim, outlook, open_runs, max(ends, default=None), now=now)
        if ruling.state == "started":
            run = SimulatedRun(self, compiled, len(self.runs) + 1, ruling.entry_key or "", now)
            self.runs.append(run)
            says = {trigger.id: trigger.says for trigger in compiled.triggers}
            because = " and ".join(says[id_] for id_ in claim.triggers)
            self.record(Happening(at=now, what="start", says=because, run=run.number))
        elif ruling.state == "held":
            one.held.append(replace(claim, held=True))
            if not claim.held:
                self.record(Happening(at=now, what="held", says=ruling.why or ""))
        else:
            self.record(Happening(at=now, what=ruling.state, says=ruling.why or ""))

    def _open(self, run: SimulatedRun) -> OpenRun:
        compiled = run.compiled
        return OpenRun(
            id=run.number,
            playbook=compiled.playbook,
            entry_key=run.key,
            exclusive=compiled.entry.exclusive,
            priority=compiled.priority,
        )

    def _watch(self, now: datetime) -> None:
        for run in self.runs:
            if run.ending is None and run.expires_at <= now:
                run.expire(now)
            for watch in run.watches.values():
                if watch.met or watch.condition is None:
                    continue
                truth = self.account.truth(watch.condition)
                due = add(now, parse_duration(watch.dwell), self.account.place) if watch.dwell else None
                watch.memory, happened = advance(watch.memory, trips=truth, rearms=None, now=now, due=due)
                if happened == "fired":
                    watch.met = True
                    run.tell(watch.kind, watch.of, watch.values, now)

    # --- the world ---

    def happened(self, event: str, now: datetime, props: Mapping[str, Any]) -> None:
        """An event of the account: counts in metrics, and reaches the runs that wait for it."""
        self.account.happened(event, now, props)
        for run in self.runs:
            for watch in run.watches.values():
                if watch.event == event and not watch.met:
                    watch.met = True
                    run.tell(watch.kind, watch.of, {"event": event}, now)

    def read(self, fields: Sequence[str]) -> Values:
        values: dict[str, Any] = {}
        for name in fields:
            if name == "place":
                values[name] = self.account.place.model_dump(mode="json")
            elif "(" in name:
                way, _, rest = name.removesuffix(")").partition("(")
                field_, _, window = rest.partition(", ")
                look = self.account.highest if way == "highest" else self.account.lowest
                values[name] = look(field_, parse_duration(window))
            else:
                value = self.account.field(name)
                values[name] = value.isoformat() if isinstance(value, date) else value
        return values

    def perform(self, run: SimulatedRun, act: Act) -> Receipt:
        """What the performers of workflows/acts do, without texts."""
        match act.verb:
            case "email":
                return self._email(run, act)
            case "task":
                return self._task(run, act)
            case "set":
                self.account.learn(self._typed(act.params["values"]))
                self._changed = True
                self._happening(run, act)
                return Receipt(outcome="done", values={"outcome": "set", **act.params["values"]})
            case "expire":
                self._happening(run, act)
                return Receipt(outcome="done", values={"outcome": "expired"})
            case "withdraw":
                return Receipt(outcome="done", values={"outcome": "withdrawn"})
            case "end":
                says = act.params["reason"]
                self.record(Happening(at=run.now(), what="end", step=act.params["outcome"], says=says, run=run.number))
                self._changed = True
                return Receipt(outcome="done", values={"outcome": act.params["outcome"], "reason": says})
        self._happening(run, act)
        return Receipt(outcome="done", values={"outcome": _DONE[act.verb]})

    def _typed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        catalogue = self.account.workspace.catalogue()
        typed = {}
        for name, value in values.items():
            found = catalogue.field(name)
            dated = found is not None and found.type == "date" and isinstance(value, str)
            typed[name] = date.fromisoformat(value) if dated else value
        return typed

    def _happening(self, run: SimulatedRun, act: Act) -> None:
        self.record(Happening(at=run.now(), what=act.verb, step=act.step, run=run.number))

    def _email(self, run: SimulatedRun, act: Act) -> Receipt:
        role, mode = act.params["to"], act.params["mode"]
        chain = self.account.workspace.roles.contacts.get(role, (role,)) if mode == "first" else (role,)
        if not any(wanted in self.account.contacts or (wanted == "any" and self.account.contacts) for wanted in chain):
            return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=f"no contact is {role}")
        self._happening(run, act)
        self._mails.append((run, act))
        return Receipt(outcome="done", values={"outcome": "queued"})

    def _settle(self, run: SimulatedRun, act: Act, now: datetime) -> None:
        if run.ending is not None:
            return
        outcome, events = self._people.mail(act.step)
        run.tell("mail", act.step, {"visit": act.visit, "outcome": outcome}, now)
        if outcome == "sent":
            for delay, event in events:
                self.at(now + delay, lambda at, event=event: self._mail_event(run, act.step, event, at))  # type: ignore[misc]

    def _mail_event(self, run: SimulatedRun, step: str, event: str, at: datetime) -> None:
        if event in run.compiled.plan.listens:
            run.tell("event", step, {"event": event}, at)

    def _task(self, run: SimulatedRun, act: Act) -> Receipt:
        self._happening(run, act)
        doing = self._people.task(act.step, act.params["outcomes"])
        if doing is not None:
            delay, outcome = doing
            values = {"visit": act.visit, "outcome": outcome, "by": "somebody"}
            self.at(run.now() + delay, lambda at: run.tell("task", act.step, values, at))
        return Receipt(outcome="done", values={"outcome": "open"})
