"""What performing an act does in memory, without texts. To add a verb: a function, and a line in the table at the end.

The real performers are in workflows/acts; outcomes and values are the same.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from engine.simulation import outward
from engine.simulation.world import ActingRun, World
from engine.turns.runtime import Act, Receipt
from engine.workspace import Workspace


def perform(world: World, run: ActingRun, act: Act) -> Receipt:
    """Do an act at the run's own instant; what comes of it later is put on the agenda."""
    return PERFORM[act.verb](world, run, act)


def _task(world: World, run: ActingRun, act: Act) -> Receipt:
    doing = world.people.task(act.step, act.params["outcomes"])
    if doing is not None:
        delay, outcome = doing
        values = {"visit": act.visit, "outcome": outcome, "by": "somebody"}
        world.at(run.now() + delay, lambda at: run.tell("task", act.step, values, at))
    return Receipt(outcome="done", values={"outcome": "open"})


def _set(world: World, _run: ActingRun, act: Act) -> Receipt:
    values, tags = act.params["values"], {name: act.params[name] for name in ("tag", "untag") if name in act.params}
    world.account.learn(_typed(world.account.workspace, values))
    if tags:
        world.account.retag(tags["tag"], tags["untag"])
    world.stir()
    return Receipt(outcome="done", values={"outcome": "set", **values, **tags})


def _end(world: World, _run: ActingRun, act: Act) -> Receipt:
    world.stir()
    return Receipt(outcome="done", values={"outcome": act.params["outcome"], "reason": act.params["reason"]})


def _withdraw(world: World, run: ActingRun, act: Act) -> Receipt:
    values = {"outcome": "withdrawn", "steps": list(act.params["steps"])}
    if unsent := list(act.params.get("unsent", ())):
        world.recall(run, unsent)
        values["unsent"] = unsent
    return Receipt(outcome="done", values=values)


def _enroll(world: World, run: ActingRun, act: Act) -> Receipt:
    """A playbook that is not part of the simulation is taken to start."""
    playbook = act.params["playbook"]
    ruling = world.enroll(playbook, run.now())
    state = "started" if ruling is None else ruling.state
    outcome = state if state in ("started", "held") else "not_started"
    values = {"outcome": outcome, "playbook": playbook}
    return Receipt(outcome="done", values=values, reason=ruling.why or "" if ruling else "")


def _told(outcome: str) -> "Performer":
    """An act that only has to be seen to happen."""
    return lambda _world, _run, _act: Receipt(outcome="done", values={"outcome": outcome})


def _typed(workspace: Workspace, values: Mapping[str, Any]) -> dict[str, Any]:
    catalogue = workspace.catalogue()
    typed = {}
    for name, value in values.items():
        found = catalogue.field(name)
        dated = found is not None and found.type == "date" and isinstance(value, str)
        typed[name] = date.fromisoformat(value) if dated else value
    return typed


Performer = Callable[[World, ActingRun, Act], Receipt]

PERFORM: Mapping[str, Performer] = {
    "email": outward.post_mail,
    "draft": outward.draft_mail,
    "survey": outward.ask,
    "notify": outward.notify,
    "webhook": outward.order,
    "task": _task,
    "remind": _told("reminded"),
    "escalate": _told("escalated"),
    "expire": _told("expired"),
    "withdraw": _withdraw,
    "set": _set,
    "enroll": _enroll,
    "end": _end,
}
"""By verb, as the table of workflows/acts."""
