"""Whether a crossing starts a run now: the rules of entry for one account, in their order; it knows no table."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any, Literal

from engine.calendars import Place, add
from engine.durations import parse_duration
from engine.plan import Compiled

RulingState = Literal["started", "held_out", "held", "lapsed", "dropped", "not_started"]
PlaybookState = Literal["active", "paused", "off"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A crossing that asks to start."""

    triggers: tuple[str, ...]
    """Ids of the triggers that fired."""
    held: bool = False
    """It was ruled on before, and waits for its obstacle to go."""
    replaces: int | None = None
    """The run that was told to end, so that this may start."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What the playbook's conditions say of the account now; None is unknown."""

    place: Place
    audience: bool | None
    goal: bool | None = None
    exits: tuple[bool | None, ...] = ()
    trips: Mapping[str, bool | None] = field(default_factory=dict)
    """By edge trigger, the live ones only."""
    rearms: Mapping[str, bool | None] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """The live triggers without a condition: moments, and starts by hand."""
    key: Any = None
    """The value of the entry's key field."""
    held_out: bool = False
    """The account belongs to the share that is recorded and never started; see `is_held_out`."""


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run of the account that is under way; `id` is None for one that starts in this very sweep."""

    id: int | None
    playbook: str
    entry_key: str = ""
    exclusive: str | None = None
    priority: int = 0

    def __str__(self) -> str:
        return f"run {self.id} of {self.playbook}" if self.id else f"a run of {self.playbook}"


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What becomes of a crossing."""

    state: RulingState
    why: str | None = None
    """The obstacle in words; None only for started."""
    entry_key: str | None = None
    retry_at: datetime | None = None
    """Held until then for sure."""
    replaces: int | None = None
    """The run that must end so that this one may start."""
    ends_with: str = ""
    """The reason which that run ends with."""


def judge(  # noqa: PLR0917 - the situation, in the order in which the rules look at it
    compiled: Compiled,
    state: PlaybookState,
    claim: Claim,
    outlook: Outlook,
    open_runs: Sequence[OpenRun] = (),
    last_end: datetime | None = None,
    *,
    now: datetime,
) -> Ruling:
    """`open_runs` are the account's, of all playbooks; `last_end` is when its last run of this playbook ended.

    What a held crossing waits for is looked at first and its condition last: it lapses when its episode is over (all
    its triggers re-armed), or when nothing is in its way and the condition does not hold.
    """
    entry = compiled.entry
    no = partial(Ruling, state="lapsed" if claim.held else "not_started")
    later = partial(Ruling, state="held" if entry.held == "start_when_free" else "dropped")
    if why := _never(compiled, state, claim, outlook):
        return no(why=why)
    if state == "paused":
        return later(why="paused")
    if why := _over_already(compiled, outlook):
        return no(why=why)
    key = entry_key(outlook.key) if entry.key else ""
    if key is None:
        return no(why=f"{entry.key} is unknown")
    for one in open_runs:
        if one.playbook == compiled.playbook and same_term(one.entry_key, key, entry.term):
            return _beside(one, compiled, no, key)
    until = _cool_until(compiled, claim, last_end, outlook.place)
    if until is not None and now < until:
        return later(why=f"cool-down until {until:%Y-%m-%d %H:%M} UTC", entry_key=key, retry_at=until)
    for one in open_runs:
        if entry.exclusive is not None and one.exclusive == entry.exclusive:
            return _against(one, compiled, no, later, key)
    if claim.held and (unready := _not_now(claim, outlook)):
        return replace(unready, entry_key=key)
    if outlook.held_out:
        return Ruling(state="held_out", why=f"in the holdout of {entry.holdout:g} %", entry_key=key)
    return Ruling(state="started", entry_key=key)


def is_held_out(playbook: str, account: str, share: float) -> bool:
    """Whether an account belongs to the holdout of so many percent: the same for ever, and whoever is in a smaller
    holdout is in a greater one."""
    digest = hashlib.sha256(f"holdout\x1f{playbook}\x1f{account}".encode()).digest()
    return int.from_bytes(digest[:6]) * 100 < share * 2**48


def entry_key(value: Any) -> str | None:
    """A key field's value as text; None for unknown."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.17g}"
    return str(value.isoformat())


def same_term(key: str, other: str, term: str) -> bool:
    """Whether two keys mean the same enrolment: equal, or dates no further apart than `term`."""
    if key == other:
        return True
    try:
        first, last = sorted((_instant(key), _instant(other)))
    except ValueError:
        return False
    return last <= add(first, parse_duration(term), _ANYWHERE)


_Answer = Callable[..., Ruling]
_ANYWHERE = Place()


def _instant(key: str) -> datetime:
    return datetime.combine(date.fromisoformat(key), time(), UTC) if len(key) == 10 else datetime.fromisoformat(key)


def _cool_until(compiled: Compiled, claim: Claim, last_end: datetime | None, place: Place) -> datetime | None:
    """When the cool-down is over; who ended a run in order to start does not wait for having ended it."""
    again_after = compiled.entry.again_after
    if again_after is None or last_end is None or claim.replaces is not None:
        return None
    return add(last_end, parse_duration(again_after), place)


def _never(compiled: Compiled, state: PlaybookState, claim: Claim, outlook: Outlook) -> str | None:
    if state == "off":
        return "the playbook is switched off"
    if not claim.held and outlook.audience is not True:
        words = "outside the audience" if outlook.audience is False else "not known to be in the audience"
        return f"{words}: {compiled.audience.text}"
    live = [id_ for id_ in claim.triggers if id_ in outlook.trips or id_ in outlook.others]
    if claim.held and not live:
        return "its trigger is not part of the playbook any more"
    if claim.held and all(outlook.rearms.get(id_) is True for id_ in live):
        return "recovered before it could start"
    return None


def _over_already(compiled: Compiled, outlook: Outlook) -> str | None:
    plan = compiled.plan
    if plan.goal and outlook.goal:
        return f"the goal is reached already: {plan.goal.when.text}"
    for exit_, true in zip(plan.exits, outlook.exits, strict=True):
        if true:
            return f"an exit is true already: {exit_.reason}"
    return None


def _beside(own: OpenRun, compiled: Compiled, no: _Answer, key: str) -> Ruling:
    """The very same is running already. One that starts in this very sweep is as new as can be, and not ended."""
    mode = compiled.entry.already_running
    if mode == "queue":
        return Ruling(state="held", why=f"queued behind {own}", entry_key=key)
    if mode == "skip" or own.id is None:
        return no(why=f"already running ({own})", entry_key=key)
    return Ruling(state="held", why=f"waits for {own} to end", entry_key=key, replaces=own.id, ends_with="started anew")


def _against(rival: OpenRun, compiled: Compiled, no: _Answer, later: _Answer, key: str) -> Ruling:
    entry = compiled.entry
    if entry.on_conflict == "skip":
        return no(why=f"{rival} holds the group {entry.exclusive}", entry_key=key)
    if entry.on_conflict == "replace" and rival.id is not None and compiled.priority > rival.priority:
        return Ruling(
            state="held",
            why=f"waits for {rival} to end",
            entry_key=key,
            replaces=rival.id,
            ends_with=f"replaced by {compiled.playbook}",
        )
    return later(why=f"{rival} holds the group {entry.exclusive}", entry_key=key)


def _not_now(claim: Claim, outlook: Outlook) -> Ruling | None:
    """A held crossing starts only if something of what made it still holds. A moment that came stays one that came."""
    truths = [True if id_ in outlook.others else outlook.trips.get(id_, False) for id_ in claim.triggers]
    if True in truths:
        return None
    if None in truths:
        return Ruling(state="held", why="it is unknown whether its condition still holds")
    return Ruling(state="lapsed", why="its condition did not hold any more when it could start")
