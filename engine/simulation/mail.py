"""The streams in memory: they take what runs prepared, and tell them how it went and what the recipient did.

Mails wait for the hold, the send window and the caps of the workspace, by the decisions of `engine.mail.timing`, and
leave by those of `engine.mail.consent`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.contacts import Contact
from engine.mail.addresses import address_key
from engine.mail.consent import objection
from engine.mail.policy import SERVICE, CounterOf
from engine.mail.timing import Left, judge
from engine.simulation import outward
from engine.simulation.world import ActingRun, World
from engine.turns.runtime import Act


@dataclass
class _Posted:
    """What a run wants to leave."""

    run: ActingRun
    act: Act
    to: Contact | None
    """As they were when it was written; None of a request to another program."""
    round: "_Round"
    at: datetime
    due: datetime
    place: int
    objection: str | None
    """Why it might not leave already when it was written: such a mail is asked again when it is due, and not before."""
    waited: str = ""

    @property
    def is_mail(self) -> bool:
        return self.to is not None

    @property
    def timed(self) -> bool:
        """Whether it is a mail that hold, window and caps are asked for."""
        return self.is_mail and not self.act.params.get("transactional")

    def whom(self) -> str:
        """The person, by their address; nobody of a request."""
        return address_key(self.to.email or "") if self.to else ""

    def turn(self) -> tuple[object, ...]:
        """Mails first, those of high priority before others: the order in which dispatchers take them."""
        return not self.is_mail, -self.run.compiled.priority if self.is_mail else 0, self.due, self.place


@dataclass
class _Round:
    """The mails of one step's visit; its run is told when all of them are settled."""

    open: int
    settled: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Outcome and reason, by the mail's place."""

    def outcome(self) -> tuple[str, str]:
        """Of several recipients: sent when it reached any, else the most that may have happened."""
        found = [self.settled[place] for place in sorted(self.settled)]
        for outcome in ("sent", "unknown", "refused"):
            reasons = [reason for state, reason in found if state == outcome]
            if reasons:
                return outcome, reasons[0]
        return "skipped", next((reason for _, reason in found if reason), "")


class MailStream:
    """Mails wait here until all runs have had their turn at an instant, as the virtual clock's driver has it."""

    def __init__(self) -> None:
        self._posted: list[_Posted] = []
        self._left: dict[str, list[Left]] = {}
        """By the key of the recipient's address."""
        self._count = 0

    def post(self, world: World, run: ActingRun, act: Act, whom: Sequence[Contact]) -> None:
        """One mail for each of them, or a request to another program for nobody."""
        together = _Round(open=len(whom))
        for to in whom or (None,):
            self._count += 1
            posted = _Posted(run, act, to, together, run.now(), run.now(), self._count, None)
            posted.objection = _objection(world, posted)
            if posted.timed:
                self._put_off(world, posted, run.now() + world.account.workspace.mail.hold_time)
            self._posted.append(posted)

    def recall(self, world: World, run: ActingRun, steps: Sequence[str]) -> None:
        """What these steps of a run have prepared does not leave any more."""
        posted, self._posted = self._posted, []
        for one in posted:
            if one.run is run and one.act.step in steps:
                _drop(world, one)
            else:
                self._posted.append(one)

    def settle(self, world: World, now: datetime) -> bool:
        """Send what is here and due; whether there was anything."""
        posted, self._posted = sorted(self._posted, key=_Posted.turn), []
        moved = False
        for one in posted:
            is_due, barred = one.due <= now and world.acts(one.run), _objection(world, one)
            if one.run.over:
                _drop(world, one)
            elif barred and (is_due or barred != one.objection):
                # Whatever takes consent back stops at once what is queued.
                moved = True
                _skip(world, one, barred, now)
            elif is_due:
                moved = True
                self._take(world, one, now)
            else:
                self._posted.append(one)
        return moved

    def _take(self, world: World, posted: _Posted, now: datetime) -> None:
        """A mail leaves, is skipped, or waits on."""
        run = posted.run
        whom = posted.whom()
        if posted.timed and posted.to:
            mine: Mapping[CounterOf, Sequence[Left]] = {
                "contact": self._left.get(whom, []),
                "account": [one for left in self._left.values() for one in left],
            }
            verdict = judge(world.account.workspace.mail, now, world.account.place_of(posted.to), mine)
            if verdict is not None and verdict.until is not None:
                posted.waited = verdict.reason
                self._put_off(world, posted, verdict.until)
                self._posted.append(posted)
                return
            if verdict is not None:
                _skip(world, posted, verdict.reason, now)
                return
        outcome = _send(world, posted, now)
        if posted.timed and outcome in ("sent", "unknown"):
            whose = f"{run.compiled.playbook} (priority {run.compiled.priority})"
            self._left.setdefault(whom, []).append(Left(at=now, whose=whose))

    def _put_off(self, world: World, posted: _Posted, until: datetime) -> None:
        posted.due = until
        world.at(until, lambda _now: None)


def _objection(world: World, posted: _Posted) -> str | None:
    """Why a mail may not leave, whenever that is; None for one that may, and for a request."""
    if posted.to is None:
        return None
    account, params = world.account, posted.act.params
    contact = account.contact(posted.to.key)
    topic = None if params.get("transactional") else params.get("topic", SERVICE)
    consent = replace(account.consent_of(posted.to), wants_none=contact.do_not_contact)
    wants_none = account.field("account.do_not_contact") is True
    reason = objection(consent, topic, account.workspace.mail, account_wants_none=wants_none)
    return reason or (None if contact.email == posted.to.email else "the address is no longer the contact's")


def _drop(world: World, posted: _Posted) -> None:
    if posted.act.verb == "survey" and posted.to:
        outward.unasked(world, posted.to, posted.at)


def _skip(world: World, posted: _Posted, reason: str, now: datetime) -> None:
    _settle(posted, "skipped", reason, now)
    _drop(world, posted)


def _settle(posted: _Posted, outcome: str, reason: str, now: datetime) -> None:
    """The run is told once all mails of its step are settled."""
    together, act = posted.round, posted.act
    together.open -= 1
    together.settled[posted.place] = outcome, reason
    if not together.open:
        outcome, reason = together.outcome()
        posted.run.tell("mail", act.step, {"visit": act.visit, "outcome": outcome, "reason": reason}, now)


def _send(world: World, posted: _Posted, now: datetime) -> str:
    """The outcome."""
    run, act, waited = posted.run, posted.act, posted.waited
    if posted.to is None:
        outward.answered(world, run, act, now)
        return "sent"
    outcome, events = world.people.mail(act.step)
    _settle(posted, outcome, f"waited: {waited}" if waited and outcome == "sent" else "", now)
    if outcome in ("skipped", "refused"):
        _drop(world, posted)
    elif act.verb == "survey":
        outward.surveyed(world, run, act, now)
    if outcome == "sent":
        for delay, event in events:
            world.at(now + delay, lambda at, event=event: _heard(run, act.step, event, at))  # type: ignore[misc]
    return outcome


def _heard(run: ActingRun, step: str, event: str, at: datetime) -> None:
    if event in run.compiled.plan.listens:
        run.tell("event", step, {"event": event}, at)
