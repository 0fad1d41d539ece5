"""What reaches outward, in memory: surveys, drafts for review, messages to colleagues, requests to other programs."""

from datetime import datetime
from typing import Any

from engine.contacts import Contact, by_address
from engine.mail.addresses import address_key
from engine.simulation.world import ActingRun, World
from engine.steps.email import DROP, SEND
from engine.surveys import ANSWERED
from engine.turns.runtime import Act, Receipt

_QUEUED = Receipt(outcome="done", values={"outcome": "queued"})


def reachable(world: World, act: Act) -> list[Contact] | Receipt:
    """Who is written to, each address once; or why nobody is, which is an outcome."""
    found = world.account.recipients(act.params["to"], act.params["mode"])
    written_to = by_address(found)
    if not written_to:
        why = f"no contact is {act.params['to']}" if not found else f"{found[0].name} has no mail address"
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    return written_to


def post_mail(world: World, run: ActingRun, act: Act) -> Receipt:
    found = _reviewed(world, run, act) if act.params.get("reviewed") else reachable(world, act)
    if isinstance(found, Receipt):
        return found
    world.post(run, act, found)
    return _QUEUED


def _reviewed(world: World, run: ActingRun, act: Act) -> list[Contact] | Receipt:
    """It goes to whom the reviewer saw, though roles may have changed hands since."""
    seen = world.account.contact(world.drafted[run.number, act.step])
    if not seen.email:
        why = f"{seen.name} has no mail address"
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    return [seen]


def draft_mail(world: World, run: ActingRun, act: Act) -> Receipt:
    found = reachable(world, act)
    if isinstance(found, Receipt):
        return found
    world.drafted[run.number, act.step] = found[0].key
    doing = world.people.task(act.step, (SEND, DROP))
    if doing is not None:
        delay, outcome = doing
        values = {"visit": act.visit, "outcome": outcome, "by": "somebody"}
        world.at(run.now() + delay, lambda at: run.tell("task", act.step, values, at))
    return Receipt(outcome="done", values={"outcome": "open"})


def ask(world: World, run: ActingRun, act: Act) -> Receipt:
    found, account = reachable(world, act), world.account
    if isinstance(found, Receipt):
        return found
    policy, asked = account.workspace.surveys, account.asked.setdefault(_key(found[0]), [])
    if policy is not None:
        within = policy.at_most_every.exact
        assert within is not None, "a span is always equally long"
        if any(at > run.now() - within for at in asked):
            why = f"asked within {policy.at_most_every} already"
            return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    asked.append(run.now())
    world.post(run, act, found[:1])
    return _QUEUED


def _key(contact: Contact) -> str:
    return address_key(contact.email or "")


def order(world: World, run: ActingRun, act: Act) -> Receipt:
    world.post(run, act, ())
    return _QUEUED


def notify(_world: World, _run: ActingRun, _act: Act) -> Receipt:
    """The colleague is there: workspaces in scenarios name roles, not people."""
    return _QUEUED


def answered(world: World, run: ActingRun, act: Act, now: datetime) -> None:
    """A request has left."""
    outcome, status = world.people.webhook(act.step)
    values: dict[str, Any] = {"visit": act.visit, "outcome": outcome, "reason": "", "status": status}
    run.tell("mail", act.step, values, now)


def surveyed(world: World, run: ActingRun, act: Act, now: datetime) -> None:
    """A survey's mail has left, or may have: its recipient may answer."""
    doing = world.people.survey(act.step)
    if doing is not None:
        delay, score = doing
        world.at(now + delay, lambda at: _answer(world, run, act, score, at))


def unasked(world: World, whom: Contact, asked_at: datetime) -> None:
    """A survey whose mail did not leave was not put."""
    asked = world.account.asked.get(_key(whom), [])
    if asked_at in asked:
        asked.remove(asked_at)


def _answer(world: World, run: ActingRun, act: Act, score: int, at: datetime) -> None:
    run.tell("task", act.step, {"visit": act.visit, "outcome": "answered", "score": score}, at)
    kind = act.params["asks"]
    if kind in world.account.workspace.pushed:
        world.account.learn({f"metric.{kind}": float(score)})
    world.happened(ANSWERED, at, {"survey": kind, "step": act.step, "score": float(score)})
