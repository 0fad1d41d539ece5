"""What a run looks like to its steps: they act, wait, decide and note here, and resume without knowing it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from engine.calendars import Place, local_date
from engine.durations import Duration
from engine.expressions import Evaluator, evaluate
from engine.expressions.tree import Aggregate
from engine.turns.blocks import Ask, Block, Together, Walking
from engine.turns.paths import ROUND, WAIT
from engine.turns.position import Ending, Position
from engine.turns.runtime import Act, Entry, Receipt, Standing, Waiting
from engine.values import Condition

_PLACE_IS_FRESH_FOR = timedelta(days=1)
RESULTS = (
    *("task.", "email.", "wait_for.", "webhook.", "survey.", "notify."),
    *("wait.", "repeat.", "split.", "enroll."),
)
"""Names that a run answers itself; all others are facts of the account."""


class Acting(Protocol):
    """What the walk needs to know of a step that acts."""

    @property
    def id(self) -> str: ...

    @property
    def on_error(self) -> Any: ...


Params = Mapping[str, Any] | Callable[[], Awaitable[Mapping[str, Any]]]
"""What an act carries; or how to work it out, which a retry does anew."""


class Walk:
    """One run's walk. `marks` in its position are what survives between turns."""

    def __init__(
        self,
        position: Position,
        note: Callable[[Entry], None],
        enters: Callable[[str], None] = lambda _path: None,
        *,
        lot: tuple[str, str] = ("", ""),
    ) -> None:
        """`enters` hears the path of every sequence and step that is walked: what simulations count. `lot` is whom
        experiments are drawn for: the account's key, and the playbook."""
        self.lot = lot
        self._position = position
        self._write = note
        self._enters = enters
        self.waiting: dict[str, Waiting] = {}
        """Awaited conditions and events of all branches, by key: what the store watches for this run."""

    async def close(self, ending: Ending, *, withdraw: bool) -> None:
        """Record the end, as the last act: closes the run's row, withdraws open tasks, skips unsent mail."""
        self.waiting.clear()
        keep = {at: mark for at, mark in self._position.marks.items() if at.startswith("end/")}
        self._position.marks = keep
        params = {"outcome": ending.outcome, "reason": ending.reason, "withdraw": withdraw}
        await self._act("", "end", "end", params, visit=1)
        self._position.closed = True

    # --- for steps ---

    @property
    def now(self) -> datetime:
        """The run's own clock."""
        return self._position.clock

    @property
    def position(self) -> Position:
        return self._position

    async def sequence(self, steps: Iterable[Any], at: str) -> None:
        """One step after the other; the cursor is the only thing that survives of finished ones."""
        marks, todo = self._position.marks, tuple(steps)
        self._enters(at)
        for i in range(marks.get(at, 0), len(todo)):
            marks[at] = i
            self._enters(f"{at}[{i}]")
            await todo[i].walk(self, f"{at}[{i}]")
            self.forget(f"{at}[{i}]")
        marks.pop(at, None)

    def forget(self, at: str) -> None:
        """A step is over: nothing below its path needs to survive."""
        marks = self._position.marks
        for mark in [mark for mark in marks if mark.startswith((f"{at}/", f"{at}.", f"{at}["))]:
            del marks[mark]

    def once(self, at: str, make: Callable[[], Any]) -> Any:
        """A JSON value made once while the step is open, and found again after a resume."""
        marks = self._position.marks
        if at not in marks:
            marks[at] = make()
        return marks[at]

    def note(self, at: str, what: str, **detail: Any) -> None:
        """A trace line. Write one only where a mark is made, or a resume would write it twice."""
        self._position.seq += 1
        self._write(Entry(seq=self._position.seq, at=self.now, path=at, what=what, detail=detail))

    def result(self, name: str, value: Any) -> None:
        self._position.results[name] = value

    async def act(self, step: Acting, at: str, verb: str, params: Params, then: Standing | None = None) -> Receipt:
        """Perform an effect of a step, following its `on_error` when it fails for good. `then`: see `Act`."""
        while True:
            given = await params() if callable(params) else params
            receipt = await self._act(step.id, at, verb, given, visit=self.visit(at), then=then)
            if receipt.outcome != "failed":
                return receipt
            match await self.failed(step, at, verb, receipt.reason):
                case "skip":
                    return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason="skipped by a person")
                case "go_on":
                    return receipt

    async def failed(self, step: Acting, at: str, verb: str, reason: str) -> Literal["retry", "skip", "go_on"]:
        """An effect has failed for good: do what the step's `on_error` says. `retry` has opened another visit."""
        if step.on_error == "continue":
            return "go_on"
        if step.on_error != "fail":
            await self.sequence(step.on_error, f"{at}.on_error")
            return "go_on"
        if await self._stuck(step, at, verb, reason) == "skip":
            return "skip"
        self._position.marks[f"{at}/visit"] = self._position.visits[at] = self.visit(at) + 1
        return "retry"

    async def settled(self, step: Acting, at: str, path: str, what: str, says: str) -> dict[str, Any]:
        """Wait until a stream has settled what an act of this visit has queued: its outcome, reason and results."""
        marks, mails = self._position.marks, self._position.inbox.mails
        key, mark = f"{step.id}#{self.visit(at)}", f"{path}!{self.visit(at)}"
        if mark not in marks:
            await self.until(path, None, lambda: key in mails, says, step.id)
            settled = marks[mark] = mails.pop(key)
            self.note(at, what, step=step.id, outcome=settled["outcome"], reason=settled.get("reason") or "")
        found: dict[str, Any] = marks[mark]
        return found

    def is_unsettled(self, at: str) -> bool:
        """Whether a step has queued something, and was not told yet what became of it."""
        marks = self._position.marks
        for mark in marks:
            done, _, visit = mark.rpartition("!")
            if done.startswith(f"{at}/") and visit.isdigit() and f"{at}/settled!{visit}" not in marks:
                receipt = marks[mark]
                if isinstance(receipt, dict) and receipt.get("values", {}).get("outcome") == "queued":
                    return True
        return False

    def visit(self, at: str) -> int:
        """How often this step acts: each round of a repeat is another visit, and so is a person's retry."""
        marks, visits = self._position.marks, self._position.visits
        if ROUND in at and f"{at}/visit" not in marks:
            marks[f"{at}/visit"] = visits[at] = visits.get(at, 0) + 1
        return int(marks.get(f"{at}/visit", 1))

    def of_visit(self, at: str, name: str) -> str:
        """The mark of something that is worked out anew at each visit."""
        visit = self.visit(at)
        return f"{at}/{name}" if visit == 1 else f"{at}/{name}#{visit}"

    def another_round(self, inside: Mapping[str, str]) -> None:
        """Of these steps, given with their paths, nothing counts any more that an earlier round has left behind, or was
        told. What was told of a visit yet to come stays: where turns are lost and taken again, the run hears what came
        of them before it walks them."""
        position, inbox = self._position, self._position.inbox
        for name in [name for name in position.results if name.split(".")[1] in inside]:
            del position.results[name]
        for event in [event for event in inbox.events if event.rpartition("@")[2] in inside]:
            del inbox.events[event]
        for step in inside.keys() & inbox.orders.keys():
            del inbox.orders[step]
        for told in (inbox.tasks, inbox.mails):
            for key in list(told):
                step, _, visit = key.rpartition("#")
                if step in inside and int(visit) <= position.visits.get(inside[step], 0):
                    del told[key]

    async def until(
        self, at: str, moment: Callable[[Place], datetime] | None, ready: Callable[[], bool], says: str, step: str = ""
    ) -> bool:
        """Wait until `ready` (True) or the moment (False). The moment is computed once, as data."""
        if moment is None:
            text = self.once(at, lambda: None)
        else:
            text = await self.dated(at, lambda place: moment(place).isoformat())
        limit = datetime.fromisoformat(text) if text else None
        return await Block(ready, limit, Standing(path=at, step=step, says=says, until=limit))

    def extend(self, by: timedelta) -> None:
        """Put off the last moments of all waits under way."""
        marks = self._position.marks
        for at, mark in marks.items():
            if at.endswith(WAIT) and isinstance(mark, str):
                marks[at] = (datetime.fromisoformat(mark) + by).isoformat()

    async def dated(self, at: str, make: Callable[[Place], Any]) -> Any:
        """As `once`, of something that needs the calendar. A resume asks nothing: that would be a turn of its own."""
        if at not in self._position.marks:
            place = await self.place()
            self.once(at, lambda: make(place))
        return self._position.marks[at]

    async def together(self, walks: Sequence[Walking], *, first: bool) -> int:
        """Walk branches side by side, until all are done, or with `first` until one is: its number."""
        return await Together(walks, first=first)

    def watch(
        self,
        at: str,
        *,
        condition: Mapping[str, Any] | None = None,
        event: str | None = None,
        since: datetime | None = None,
    ) -> Waiting:
        """What the store is to watch for a wait at this path."""
        return Waiting(key=at, condition=condition, event=event, since=since)

    def standing(self, at: str, step: str, says: str) -> Standing:
        """Where a branch stands, for people."""
        return Standing(path=at, step=step, says=says)

    def end(self, reason: str) -> None:
        """The run comes to its end here, unless it has come to one already."""
        self._position.ending = self._position.ending or Ending(outcome="end", reason=reason)

    async def holds(self, condition: Condition, at: str) -> Any:
        """Evaluate once, and say in the trace on which values: True, False, None for unknown, or another JSON value."""
        marks = self._position.marks
        if at not in marks:
            values = await self.values(condition)
            answer = evaluate(condition.expression, _Env(self.now, await self.place(), values, condition.reads))
            marks[at] = answer.isoformat() if isinstance(answer, date) else answer
            self.note(at, "decided", condition=condition.text, answer=marks[at], values=values)
        return marks[at]

    async def values(self, condition: Condition) -> dict[str, Any]:
        """What a condition reads: the run's own results, and the account's facts as the last sweep left them."""
        extremes = (f"{one.way}({one.field}, {one.window})" for one in condition.expression.extremes)
        aggregates = (one.text for one in condition.expression.aggregates)
        names = (*condition.reads, *extremes, *aggregates)
        facts = tuple(name for name in names if not name.startswith(RESULTS))
        read = dict(await Ask(facts)) if facts else {}
        return {name: self._result(name) if name.startswith(RESULTS) else read.get(name) for name in names}

    async def place(self) -> Place:
        """The account's zone and holidays, read again after a day."""
        position = self._position
        old = position.place_read_at is None or self.now - position.place_read_at >= _PLACE_IS_FRESH_FOR
        if position.place is None or old:
            position.place = Place.model_validate((await Ask(("place",)))["place"])
            position.place_read_at = self.now
        return position.place

    # --- leaves ---

    async def _act(
        self, step: str, at: str, verb: str, params: Mapping[str, Any], *, visit: int, then: Standing | None = None
    ) -> Receipt:
        marks, key = self._position.marks, f"{at}/{verb}!{visit}"
        if key not in marks:
            if f"{key}/seq" not in marks:
                # Numbered when first asked: an act asked again after a resume keeps its trace line.
                self._position.seq += 1
                marks[f"{key}/seq"] = self._position.seq
            act = Act(
                step=step or at, path=at, verb=verb, visit=visit, seq=marks[f"{key}/seq"], params=params, then=then
            )
            receipt: Receipt = await Ask(act)
            marks[key] = {"outcome": receipt.outcome, "values": dict(receipt.values), "reason": receipt.reason}
        return Receipt(**marks[key])

    def _result(self, name: str) -> Any:
        kind, step, what = name.split(".", 2)
        if kind == "email" and what != "outcome":
            asked = f"email.{step}.outcome" in self._position.results
            return f"email.{what}@{step}" in self._position.inbox.events if asked else None
        results, answers = self._position.results, self._position.inbox.tasks
        if name not in results and kind == "task" and step in self._position.open_tasks:
            # Given with `wait: false`: nobody waited for the answer, which may have come meanwhile.
            # In a repeat, an answer to the task of an earlier round counts for the round in which it comes.
            given = [int(key.rpartition("#")[2]) for key in answers if key.rpartition("#")[0] == step]
            return answers[f"{step}#{max(given)}"]["outcome"] if given else None
        return results.get(name)

    async def _stuck(self, step: Acting, at: str, verb: str, reason: str) -> str:
        orders = self._position.inbox.orders
        if f"{at}/stuck" not in self._position.marks:
            self._position.marks[f"{at}/stuck"] = True
            self.note(at, "stuck", step=step.id, verb=verb, reason=reason)
        standing = Standing(path=at, step=step.id, says=f"failed: {reason}")
        await Block(lambda: step.id in orders, None, standing, stuck=True)
        del self._position.marks[f"{at}/stuck"]
        order = orders.pop(step.id)
        self.note(at, "ordered", step=step.id, order=order)
        return order


class _Env:
    """What an expression sees inside a run."""

    def __init__(self, now: datetime, place: Place, values: dict[str, Any], types: dict[str, str]) -> None:
        self.now = now
        self.today, self._zone = local_date(now, place.zone), place.zone
        self._values, self._types = values, types

    def field(self, name: str) -> Any:
        value = self._values.get(name)
        if isinstance(value, str) and self._types.get(name) == "date":
            return date.fromisoformat(value)
        if isinstance(value, str) and self._types.get(name) == "instant":
            return datetime.fromisoformat(value)
        return value

    def local_date(self, at: datetime) -> date:
        return local_date(at, self._zone)

    def highest(self, name: str, window: Duration) -> float | None:
        return self._values.get(f"highest({name}, {window})")

    def lowest(self, name: str, window: Duration) -> float | None:
        return self._values.get(f"lowest({name}, {window})")

    def trend(self, name: str, window: Duration) -> float | None:
        return self._values.get(f"trend({name}, {window})")

    def rows(self, _source: str) -> Any:
        return ()

    def aggregate(self, node: Aggregate, _work_out: Evaluator) -> Any:
        """The store has worked it out, at the sweep."""
        value = self._values.get(node.text)
        if isinstance(value, str) and node.type == "date":
            return date.fromisoformat(value)
        return datetime.fromisoformat(value) if isinstance(value, str) and node.type == "instant" else value
