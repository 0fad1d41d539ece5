"""Playbooks, one account, and people, in virtual time: the agenda, and what happens at one instant, in its order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

from engine.calendars import local_date, local_midnight
from engine.contacts import Contact, by_address
from engine.durations import parse_duration
from engine.entry import Claim, OpenRun, PlaybookState, Ruling, entry_key, same_term
from engine.expressions.evaluate import compile_node
from engine.expressions.tree import Aggregate
from engine.mail.addresses import address_key
from engine.mail.consent import Consent
from engine.plan import Compiled
from engine.simulation.account import Account
from engine.simulation.happening import Happening
from engine.simulation.mail import MailStream
from engine.simulation.people import People
from engine.simulation.run import SimulatedRun
from engine.simulation.starting import Crossing, Starting
from engine.simulation.world import ActingRun
from engine.turns.runtime import Act, FactKind, Values

_MOST_ROUNDS = 200


class Circle(Exception):
    """Facts and acts follow each other at one instant and never come to rest."""


class Simulation:
    """Runs playbooks for one account: the same plan, interpreter, triggers and rules as production, without a loop.

    At each instant it keeps the order of the virtual clock's driver: facts, people, sweep, runs, mail, until quiet.
    """

    def __init__(self, playbooks: Sequence[Compiled], account: Account, people: People) -> None:
        self.account = account
        self.people = people
        self.happenings: list[Happening] = []
        self.runs: list[SimulatedRun] = []
        self.drafted: dict[tuple[int, str], str] = {}
        by_priority = sorted(playbooks, key=lambda one: (-one.priority, one.playbook))
        self._startings = [Starting(compiled, account) for compiled in by_priority]
        self._agenda: list[tuple[datetime, int, Callable[[datetime], object]]] = []
        self._count = 0
        self._since: datetime | None = None
        self._aggregates: dict[str, Aggregate] = {}
        """What conditions of the runs' plans may read, by its text."""
        self._mail = MailStream()
        self._stirred = False

    def at(self, instant: datetime, do: Callable[[datetime], object]) -> None:
        """Have something happen at an instant; things of one instant happen in the order they were given."""
        self._count += 1
        heappush(self._agenda, (instant, self._count, do))

    def advance(self, to: datetime) -> None:
        """Go on to an instant, stopping wherever something is due."""
        while (instant := self._next(to)) is not None:
            self.stop_at(instant)

    def stop_at(self, now: datetime) -> None:
        """Everything that happens at one instant, until all is quiet."""
        while self._agenda and self._agenda[0][0] <= now:
            heappop(self._agenda)[2](now)
        for _ in range(_MOST_ROUNDS):
            self._stirred = False
            self._sweep(now)
            heard = [run.deliver(now) for run in list(self.runs)]
            sent = self._mail.settle(self, now)
            if not any(heard) and not sent and not self._stirred:
                return
        raise Circle(f"facts and acts follow each other in a circle at {now.isoformat()}")

    def start(self, compiled: Compiled, now: datetime, key: str = "") -> SimulatedRun:
        """Start a run as a person would, without asking any rule."""
        run = self._begin(compiled, now, key)
        run.go_on()
        return run

    def happened(self, event: str, now: datetime, props: Mapping[str, Any], at: datetime | None = None) -> None:
        """An event of the account, learned now: counts in metrics, starts, and reaches the runs that wait for it."""
        self.account.happened(event, at or now, props, now)

    def says(self, role: str, wanted: Mapping[str, bool] | None) -> None:
        """The contact of a role says of topics whether they want them, or, with None, leaves all mail."""
        for contact in by_address(self.account.recipients(role, "exact")):
            key = address_key(contact.email or "")
            consent = self.account.consents.get(key, Consent())
            self.account.consents[key] = consent.leaving() if wanted is None else consent.saying(wanted)

    def pause(self, playbook: str, now: datetime) -> None:
        """As an operator would: no starts and no acts, until resumed."""
        self._steer(playbook, "paused", "pause", now)

    def resume(self, playbook: str, now: datetime) -> None:
        self._steer(playbook, "active", "resume", now)

    def _steer(self, playbook: str, state: PlaybookState, tell: FactKind, now: datetime) -> None:
        for starting in self._startings:
            if starting.compiled.playbook == playbook:
                starting.state = state
        for run in self.runs:
            if run.compiled.playbook == playbook:
                run.tell(tell, "", {}, now)

    # --- engine.simulation.world.World ---

    def record(self, happening: Happening) -> None:
        self.happenings.append(happening)

    def read(self, fields: Sequence[str]) -> Values:
        values: dict[str, Any] = {}
        for name in fields:
            if name == "place":
                values[name] = self.account.place.model_dump(mode="json")
            else:
                value = self._reckoned(name) if "(" in name else self.account.field(name)
                values[name] = value.isoformat() if isinstance(value, date) else value
        return values

    def _reckoned(self, name: str) -> Any:
        """An extreme, or an aggregate that some plan has, by its text."""
        node = self._aggregates.get(name)
        if node is not None:
            return compile_node(node)(self.account)
        way, _, rest = name.removesuffix(")").partition("(")
        field_, _, window = rest.partition(", ")
        look = {"highest": self.account.highest, "lowest": self.account.lowest, "trend": self.account.trend}[way]
        return look(field_, parse_duration(window))

    def stir(self) -> None:
        self._stirred = True

    def post(self, run: ActingRun, act: Act, whom: Sequence[Contact]) -> None:
        self._mail.post(self, run, act, whom)

    def acts(self, run: ActingRun) -> bool:
        names = [one.compiled.playbook for one in self._startings if one.state != "active"]
        return run.compiled.playbook not in names

    def recall(self, run: ActingRun, steps: Sequence[str]) -> None:
        self._mail.recall(self, run, steps)

    def enroll(self, playbook: str, now: datetime) -> Ruling | None:
        starting = next((one for one in self._startings if one.compiled.playbook == playbook), None)
        if starting is None:
            return None
        manual = [trigger.id for trigger in starting.compiled.triggers if trigger.kind == "manual"]
        self.stir()
        crossing = Crossing(claim=Claim(triggers=tuple(manual[:1])), at=now)
        return self._rule(starting, crossing, now, len(self.runs))

    # --- one instant ---

    def _next(self, to: datetime) -> datetime | None:
        now = self._since
        due = [self._agenda[0][0]] if self._agenda else []
        if now is not None:
            zone = self.account.place.zone
            due.append(local_midnight(local_date(now, zone) + timedelta(days=1), zone))
            for run in self.runs:
                due += run.due(now)
            for starting in self._startings:
                due += starting.due(now)
        instant = min(due, default=to)
        return min(instant, to) if now is None or now < to else None

    def _sweep(self, now: datetime) -> None:
        self.account.look(now)
        self._rekey()
        there = len(self.runs)
        found = [(starting, crossing) for starting in self._startings for crossing in starting.crossings(now)]
        # Stable: of one instant and priority, playbooks come by name.
        found.sort(key=lambda one: (-one[0].compiled.priority, one[1].at))
        for starting, crossing in found:
            self._rule(starting, crossing, now, there)
        for run in self.runs:
            run.look(now)
        self._since = now

    def _rekey(self) -> None:
        """Open runs whose key date moved within the term go on under the new date."""
        for run in self.runs:
            entry = run.compiled.entry
            key = entry_key(self.account.field(entry.key)) if entry.key and not run.over else None
            if key is None or not same_term(run.key, key, entry.term):
                continue
            same = [one for one in self.runs if not one.over and one.compiled.playbook == run.compiled.playbook]
            if key not in [one.key for one in same]:
                run.key = key

    def _rule(self, starting: Starting, crossing: Crossing, now: datetime, there: int) -> Ruling:
        """`there`: how many runs there were before this sweep."""
        playbook, claim = starting.compiled.playbook, crossing.claim
        ends = [run.ended_at for run in self.runs if run.compiled.playbook == playbook and run.ended_at]
        open_runs = [_open(run, known=run.number <= there) for run in self.runs if not run.over]
        ruling = starting.judge(claim, open_runs, max(ends, default=None), now)
        if ruling.replaces is not None and ruling.replaces != claim.replaces:
            self.runs[ruling.replaces - 1].tell("end", "stop", {"reason": ruling.ends_with}, now)
        what, says, number = str(ruling.state), ruling.why or "", 0
        if ruling.state == "started":
            number = self._begin(starting.compiled, now, ruling.entry_key or "").number
            what, says = "start", starting.says(claim)
        elif ruling.state == "held":
            starting.hold(crossing, ruling)
            if claim.held:
                return ruling
        elif ruling.state == "held_out":
            starting.hold_out(now)
        ids = claim.triggers
        self.record(Happening(at=now, what=what, says=says, run=number, playbook=playbook, triggers=ids))
        return ruling

    def _begin(self, compiled: Compiled, now: datetime, key: str) -> SimulatedRun:
        run = SimulatedRun(self, compiled, len(self.runs) + 1, key, now)
        self.runs.append(run)
        self._aggregates |= {node.text: node for node in compiled.plan.aggregates()}
        return run


def _open(run: SimulatedRun, *, known: bool) -> OpenRun:
    """A run that starts in this very sweep has no number yet: what starts together does not replace each other."""
    compiled = run.compiled
    return OpenRun(
        id=run.number if known else None,
        playbook=compiled.playbook,
        entry_key=run.key,
        exclusive=compiled.entry.exclusive,
        priority=compiled.priority,
    )
