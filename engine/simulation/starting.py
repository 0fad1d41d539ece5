"""What starts a playbook in a simulation: its triggers' memories, and the rules of entry, as the sweep keeps them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.calendars import add
from engine.durations import parse_duration
from engine.entry import Claim, OpenRun, Outlook, PlaybookState, Ruling, is_held_out, judge
from engine.expressions import evaluate, on_row
from engine.plan import Compiled
from engine.simulation.account import Account, Happened
from engine.triggers.base import Edge, Moment, Occurrence, Schedule
from engine.triggers.coming import anchor_of, asked_at, following, latest, opens_at
from engine.triggers.memory import UNSEEN, Memory, advance


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A claim and when it was made."""

    claim: Claim
    at: datetime


class Starting:
    """One playbook's triggers and held crossings for the account."""

    def __init__(self, compiled: Compiled, account: Account) -> None:
        self.compiled = compiled
        self.state: PlaybookState = "active"
        self._account = account
        self._memories: dict[str, Memory] = {}
        self._fired: set[tuple[str, Any]] = set()
        self._held: list[Crossing] = []
        self._since: datetime | None = None
        self._live_since: datetime | None = None
        self._learned = 0
        """How many events of the account were looked at."""
        self._settling: list[tuple[datetime, Occurrence, Happened]] = []
        self._retry_at: datetime | None = None
        self._last_held_out: datetime | None = None

    def due(self, now: datetime) -> Iterator[datetime]:
        """Later instants at which something can start."""
        for memory in self._memories.values():
            if memory.due_at and memory.due_at > now:
                yield memory.due_at
        for at, _, _ in self._settling:
            if at > now:
                yield at
        if self._retry_at and self._retry_at > now:
            yield self._retry_at
        for trigger in self.compiled.triggers:
            # Days begin a stop of their own; by the clock it may be any time.
            if isinstance(trigger, Schedule) and trigger.cron is not None:
                comes = following(trigger, None, self._account.place, now)
                if comes is not None:
                    yield comes

    def crossings(self, now: datetime) -> tuple[Crossing, ...]:
        """What asks to start at this sweep: first what is held, then what fires."""
        self._live_since = self._live_since or now
        fired = (*self._edges(now), *self._timed(now), *self._events(now))
        self._since = now
        held, self._held, self._retry_at = self._held, [], None
        if not fired:
            return tuple(held)
        return (*held, Crossing(claim=Claim(triggers=tuple(dict.fromkeys(fired))), at=now))

    def hold(self, crossing: Crossing, ruling: Ruling) -> None:
        claim = replace(crossing.claim, held=True, replaces=ruling.replaces or crossing.claim.replaces)
        self._held.append(replace(crossing, claim=claim))
        if ruling.retry_at is not None:
            self._retry_at = min(ruling.retry_at, self._retry_at or ruling.retry_at)

    def hold_out(self, now: datetime) -> None:
        self._last_held_out = now

    def judge(self, claim: Claim, open_runs: Sequence[OpenRun], last_end: datetime | None, now: datetime) -> Ruling:
        """What becomes of a claim."""
        ends = [one for one in (last_end, self._last_held_out) if one is not None]
        return judge(self.compiled, self.state, claim, self._outlook(), open_runs, max(ends, default=None), now=now)

    def says(self, claim: Claim) -> str:
        """Why it starts, in words."""
        says = {trigger.id: trigger.says for trigger in self.compiled.triggers}
        return " and ".join(says[id_] for id_ in claim.triggers)

    def _edges(self, now: datetime) -> list[str]:
        fired = []
        for trigger in self.compiled.triggers:
            if not isinstance(trigger, Edge):
                continue
            due = add(now, parse_duration(trigger.dwell), self._account.place) if trigger.dwell else None
            memory, happened = advance(
                self._memories.get(trigger.id, UNSEEN),
                trips=self._account.truth(trigger.trips),
                rearms=self._account.truth(trigger.rearms),
                now=now,
                due=due,
            )
            self._memories[trigger.id] = memory
            if happened == "fired" or (happened == "existing" and self._includes_existing()):
                fired.append(trigger.id)
        return fired

    def _includes_existing(self) -> bool:
        included = self.compiled.entry.existing == "include"
        return included and self._account.truth(self.compiled.audience) is True

    def _timed(self, now: datetime) -> list[str]:
        fired = []
        place = self._account.place
        for trigger in self.compiled.triggers:
            if not isinstance(trigger, Moment | Schedule):
                continue
            assert self._live_since is not None
            field, fixed = anchor_of(trigger)
            value = self._account.field(field) if field is not None else fixed
            opens = opens_at(trigger, now=now, since=self._since, live_since=self._live_since, place=place)
            comes = latest(trigger, value, place, after=opens, upto=now)
            mark = (trigger.id, value if isinstance(trigger, Moment) else comes)
            if comes is None or mark in self._fired:
                continue
            # What comes for everybody crosses only for those in the audience.
            if field is None and self._account.truth(self.compiled.audience) is not True:
                continue
            self._fired.add(mark)
            fired.append(trigger.id)
        return fired

    def _events(self, now: datetime) -> list[str]:
        assert self._live_since is not None
        triggers = [one for one in self.compiled.triggers if isinstance(one, Occurrence)]
        fresh, self._learned = self._account.events[self._learned :], len(self._account.events)
        for event in fresh:
            for trigger in triggers:
                at, learned_at = event.at, event.learned_at
                asked = asked_at(trigger, at, learned_at, live_since=self._live_since, place=self._account.place)
                if trigger.event == event.event and asked is not None:
                    self._settling.append((asked, trigger, event))
        due = [(trigger, event) for at, trigger, event in self._settling if at <= now]
        self._settling = [one for one in self._settling if one[0] > now]
        return [trigger.id for trigger, event in due if self._starts(trigger, event)]

    def _starts(self, trigger: Occurrence, event: Happened) -> bool:
        if trigger.where is None:
            return True
        return evaluate(trigger.where.expression, on_row(self._account, event.row)) is True

    def _outlook(self) -> Outlook:
        compiled, account = self.compiled, self._account
        goal = compiled.plan.goal
        edges = [trigger for trigger in compiled.triggers if isinstance(trigger, Edge)]
        share = compiled.entry.holdout
        return Outlook(
            place=account.place,
            audience=account.truth(compiled.audience),
            goal=account.truth(goal.when) if goal else None,
            exits=tuple(account.truth(exit_.when) for exit_ in compiled.plan.exits),
            trips={trigger.id: account.truth(trigger.trips) for trigger in edges},
            rearms={trigger.id: account.truth(trigger.rearms) for trigger in edges},
            others=tuple(trigger.id for trigger in compiled.triggers if not isinstance(trigger, Edge)),
            key=account.field(compiled.entry.key) if compiled.entry.key else None,
            held_out=bool(account.key) and is_held_out(compiled.playbook, account.key, share),
        )
