"""What reaches outward, in memory: surveys, drafts for review, messages to colleagues, requests to other programs."""

from datetime import datetime
from typing import Any

from engine.simulation.world import ActingRun, World
from engine.steps.email import DROP, SEND
from engine.surveys import ANSWERED
from engine.turns.runtime import Act, Receipt

_QUEUED = Receipt(outcome="done", values={"outcome": "queued"})


def found(world: World, act: Act) -> str | None:
    """The contact role that stands for the one who is meant; None where nobody is."""
    role, mode, account = act.params["to"], act.params["mode"], world.account
    chain = account.workspace.roles.contacts.get(role, (role,)) if mode == "first" else (role,)
    for wanted in chain:
        if wanted == "any" and account.contacts:
            return account.contacts[0]
        if wanted in account.contacts:
            return wanted
    return None


def nobody(act: Act) -> Receipt:
    return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=f"no contact is {act.params['to']}")


def post_mail(world: World, run: ActingRun, act: Act) -> Receipt:
    if not act.params.get("reviewed") and found(world, act) is None:
        return nobody(act)
    world.post(run, act)
    return _QUEUED


def draft_mail(world: World, run: ActingRun, act: Act) -> Receipt:
    if found(world, act) is None:
        return nobody(act)
    doing = world.people.task(act.step, (SEND, DROP))
    if doing is not None:
        delay, outcome = doing
        values = {"visit": act.visit, "outcome": outcome, "by": "somebody"}
        world.at(run.now() + delay, lambda at: run.tell("task", act.step, values, at))
    return Receipt(outcome="done", values={"outcome": "open"})


def ask(world: World, run: ActingRun, act: Act) -> Receipt:
    who, account = found(world, act), world.account
    if who is None:
        return nobody(act)
    policy, asked = account.workspace.surveys, account.asked.setdefault(who, [])
    if policy is not None:
        within = policy.at_most_every.exact
        assert within is not None, "a span is always equally long"
        if any(at > run.now() - within for at in asked):
            why = f"asked within {policy.at_most_every} already"
            return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    asked.append(run.now())
    world.post(run, act)
    return _QUEUED


def order(world: World, run: ActingRun, act: Act) -> Receipt:
    world.post(run, act)
    return _QUEUED


def notify(_world: World, _run: ActingRun, _act: Act) -> Receipt:
    """The colleague is there: workspaces in scenarios name roles, not people."""
    return _QUEUED


def answered(world: World, run: ActingRun, act: Act, now: datetime) -> None:
    """A request has left."""
    outcome, status = world.people.webhook(act.step)
    values: dict[str, Any] = {"visit": act.visit, "outcome": outcome, "reason": "", "status": status}
    run.tell("mail", act.step, values, now)


def surveyed(  # noqa: PLR0917 - read aloud: this run's act, settled so, asked then, now
    world: World, run: ActingRun, act: Act, outcome: str, asked_at: datetime, now: datetime
) -> None:
    """A survey's mail was settled: its recipient may answer, or was not asked after all."""
    if outcome in ("skipped", "refused"):
        unasked(world, act, asked_at)
        return
    doing = world.people.survey(act.step)
    if doing is not None:
        delay, score = doing
        world.at(now + delay, lambda at: _answer(world, run, act, score, at))


def unasked(world: World, act: Act, asked_at: datetime) -> None:
    """A survey whose mail did not leave was not put."""
    asked = world.account.asked.get(found(world, act) or "", [])
    if asked_at in asked:
        asked.remove(asked_at)


def _answer(world: World, run: ActingRun, act: Act, score: int, at: datetime) -> None:
    run.tell("task", act.step, {"visit": act.visit, "outcome": "answered", "score": score}, at)
    kind = act.params["asks"]
    if kind in world.account.workspace.pushed:
        world.account.learn({f"metric.{kind}": float(score)})
    world.happened(ANSWERED, at, {"survey": kind, "step": act.step, "score": float(score)})
