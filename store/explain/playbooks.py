"""Why a playbook runs for an account, ran, waits or does nothing: trigger by trigger, with the values each one read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.calendars import add
from engine.durations import parse_duration
from engine.triggers import Edge, Moment, Occurrence, Schedule, Trigger
from engine.triggers.coming import anchor_of, following, moment_of
from store.deployed import Deployed
from store.explain.dealings import CrossingExplained, Dealings
from store.explain.looking import ConditionRead, Looking
from store.postgres.statements import Row
from store.queries.runs import RunRow

Verdict = Literal["running", "held", "held_out", "dwelling", "ended", "not_started", "waiting"]


@dataclass(frozen=True, kw_only=True)
class TriggerExplained:
    """One trigger, with what it remembers of this account."""

    id: str
    kind: str
    """edge | moment | schedule | event | manual"""
    says: str
    memory: str
    """unseen | armed | holding | tripped; coming | past | undated for dates and schedules; listening | settling for
    events; by hand"""
    since: datetime | None = None
    """Holding: since when."""
    due_at: datetime | None = None
    """Holding: when the dwell is over. A date: when it comes, or came. A schedule: when it comes next. An event that
    settles: when it is asked."""
    suspended_at: datetime | None = None
    """Holding: unknown since then, so that the dwell does not run."""
    trips: ConditionRead | None = None
    rearms: ConditionRead | None = None


@dataclass(frozen=True, kw_only=True)
class PlaybookExplained:
    playbook: str
    title: str
    state: str
    """active | paused | off"""
    verdict: Verdict
    says: str
    """The verdict in one sentence."""
    run: RunRow | None
    """The open run, or else the last one."""
    crossing: CrossingExplained | None
    audience: ConditionRead
    triggers: tuple[TriggerExplained, ...]
    goal: ConditionRead | None
    exits: tuple[ConditionRead, ...]
    cool_down_until: datetime | None
    blocked_by: RunRow | None
    """An open run of another playbook in the same exclusive group."""

    def conditions(self) -> tuple[ConditionRead, ...]:
        """Everything that was asked: audience, triggers, goal, exits."""
        triggers = [trigger.trips for trigger in self.triggers if trigger.trips]
        return (self.audience, *triggers, *([self.goal] if self.goal else []), *self.exits)


def explain_playbook(deployed: Deployed, looking: Looking, dealings: Dealings) -> PlaybookExplained:
    compiled = deployed.compiled
    run = dealings.runs.get(compiled.playbook)
    last = dealings.crossings.get(compiled.playbook)
    triggers = _triggers(deployed, looking, dealings)
    verdict, says = _verdict(deployed, run, last, triggers, looking)
    return PlaybookExplained(
        playbook=compiled.playbook,
        title=compiled.title,
        state=deployed.state,
        verdict=verdict,
        says=says,
        run=run,
        crossing=last,
        audience=looking.read(compiled.audience),
        triggers=triggers,
        goal=looking.read(compiled.plan.goal.when) if compiled.plan.goal else None,
        exits=tuple(looking.read(exit_.when) for exit_ in compiled.plan.exits),
        cool_down_until=_cool_down(deployed, run, looking),
        blocked_by=dealings.blocking(compiled.entry.exclusive, besides=compiled.playbook),
    )


def _verdict(
    deployed: Deployed,
    run: RunRow | None,
    last: CrossingExplained | None,
    triggers: tuple[TriggerExplained, ...],
    looking: Looking,
) -> tuple[Verdict, str]:
    if run and run.state == "open":
        return "running", f"run {run.id} is open since {_day(run.started_at)}"
    if last and last.state == "held":
        return "held", f"a crossing of {_day(last.at)} is held: {last.why or 'not yet judged'}"
    if last and last.state == "held_out" and (run is None or last.at > run.started_at):
        return "held_out", f"it crossed on {_day(last.at)}, and the account is {last.why}: it never starts"
    dwelling = next((trigger for trigger in triggers if trigger.memory == "holding"), None)
    if dwelling:
        assert dwelling.due_at is not None
        return "dwelling", f"{dwelling.says}: counts from {_day(dwelling.due_at)} if it lasts"
    if last and last.state in ("not_started", "lapsed", "dropped") and (run is None or last.at > run.started_at):
        return "not_started", f"it crossed on {_day(last.at)} and did not start: {last.why or last.state}"
    if run:
        return "ended", f"run {run.id} ended on {_day(run.ended_at or run.started_at)}: {run.reason or run.outcome}"
    return "waiting", _why_waiting(deployed, triggers, looking)


def _why_waiting(deployed: Deployed, triggers: tuple[TriggerExplained, ...], looking: Looking) -> str:
    if not looking.swept:
        return "the account waits for its first sweep"
    audience = looking.read(deployed.compiled.audience).holds
    if audience is not True:
        return "the account is outside the audience" if audience is False else "whether the audience holds is unknown"
    if any(trigger.memory == "tripped" for trigger in triggers):
        return "its condition was true already when it was first seen, which is no crossing"
    edges = [trigger.trips for trigger in triggers if trigger.kind == "edge" and trigger.trips]
    if edges and all(trips.holds is None for trips in edges):
        return "what its triggers read is unknown"
    return "no trigger has fired"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _cool_down(deployed: Deployed, run: RunRow | None, looking: Looking) -> datetime | None:
    again_after = deployed.compiled.entry.again_after
    if again_after is None or run is None or run.ended_at is None:
        return None
    until = add(run.ended_at, parse_duration(again_after), looking.place)
    return until if until > looking.now else None


def _triggers(deployed: Deployed, looking: Looking, dealings: Dealings) -> tuple[TriggerExplained, ...]:
    held, settles, name = dealings.holds, dealings.settles, deployed.playbook
    return tuple(
        _trigger(one, deployed, held.get((name, one.id)), settles.get((name, one.id)), looking)
        for one in deployed.compiled.triggers
    )


def _trigger(
    trigger: Trigger, deployed: Deployed, hold: Row | None, settles: datetime | None, looking: Looking
) -> TriggerExplained:
    if isinstance(trigger, Edge):
        return TriggerExplained(
            id=trigger.id,
            kind=trigger.kind,
            says=trigger.says,
            memory=_memory(trigger, deployed, looking),
            since=hold.since if hold else None,
            due_at=hold.due_at if hold else None,
            suspended_at=hold.suspended_at if hold else None,
            trips=looking.read(trigger.trips),
            rearms=looking.read(trigger.rearms),
        )
    if isinstance(trigger, Moment):
        value = looking.field(trigger.field)
        comes = moment_of(trigger, value, looking.place) if value is not None else None
        memory = "undated" if comes is None else "past" if comes <= looking.now else "coming"
        reached = None if comes is None else comes <= looking.now
        read = ConditionRead(text=trigger.says, holds=reached, values={trigger.field: value})
        return TriggerExplained(
            id=trigger.id, kind=trigger.kind, says=trigger.says, memory=memory, due_at=comes, trips=read
        )
    if isinstance(trigger, Schedule):
        return _schedule(trigger, looking)
    if isinstance(trigger, Occurrence):
        memory = "settling" if settles else "listening"
        return TriggerExplained(id=trigger.id, kind=trigger.kind, says=trigger.says, memory=memory, due_at=settles)
    return TriggerExplained(id=trigger.id, kind=trigger.kind, says=trigger.says, memory="by hand")


def _schedule(trigger: Schedule, looking: Looking) -> TriggerExplained:
    field, fixed = anchor_of(trigger)
    value = looking.field(field) if field is not None else fixed
    comes = following(trigger, value, looking.place, looking.now)
    read = ConditionRead(text=trigger.says, holds=None, values={field: value}) if field is not None else None
    memory = "undated" if comes is None else "coming"
    return TriggerExplained(
        id=trigger.id, kind=trigger.kind, says=trigger.says, memory=memory, due_at=comes, trips=read
    )


def _memory(trigger: Edge, deployed: Deployed, looking: Looking) -> str:
    if not looking.remembers:
        return "not kept"
    remembered = deployed.triggers.get(trigger.id)
    if remembered is None or remembered.bit is None or not looking.bit("seen", remembered.bit):
        return "unseen"
    if looking.bit("tripped", remembered.bit):
        return "tripped"
    return "holding" if looking.bit("holding", remembered.bit) else "armed"
