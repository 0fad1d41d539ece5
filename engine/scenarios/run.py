"""Carries a scenario out in virtual time, day by day."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from engine.calendars import local_midnight
from engine.plan import Compiled
from engine.problems import did_you_mean
from engine.scenarios.contacts import contacts_by_day
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.lots import account_for
from engine.scenarios.people import ScenarioPeople
from engine.simulation import Account, Simulation
from engine.workspace import Workspace

MORNING = timedelta(hours=9)
"""When people start playbooks: after midnight's facts have been looked at."""


def simulate_scenario(
    scenario: ScenarioDocument, playbooks: Sequence[Compiled], workspace: Workspace, key: str | None = None
) -> Simulation:
    """The simulation of a scenario, run to its last day; `key` is the account's, by default one that draws its arms."""
    simulation, last = set_scene(scenario, playbooks, workspace, key)
    simulation.advance(last)
    return simulation


def set_scene(
    scenario: ScenarioDocument, playbooks: Sequence[Compiled], workspace: Workspace, key: str | None = None
) -> tuple[Simulation, datetime]:
    """The simulation of a scenario, not begun yet, and the instant at which its last day is over."""
    contacts = contacts_by_day(scenario)
    account = Account(workspace, contacts[0], _key(scenario, playbooks) if key is None else key)
    simulation = Simulation(playbooks, account, ScenarioPeople(scenario.people))
    fields = typed_facts(workspace, {"lifecycle": "live", **scenario.account})
    zone = fields.get("account.zone") or workspace.zone
    account.learn(fields)
    for day in range(scenario.until + 1):
        at = local_midnight(scenario.start + timedelta(days=day), zone)
        facts = typed_facts(workspace, scenario.days.get(str(day), {}))
        simulation.at(at, lambda _now, facts=facts: account.learn(facts))  # type: ignore[misc]
        met = contacts.get(day, ())
        simulation.at(at, lambda _now, met=met: account.meet(met))  # type: ignore[misc]
        for event in scenario.events.get(str(day), ()):
            simulation.at(at, lambda now, event=event: simulation.happened(event.type, now, event.props))  # type: ignore[misc]
        for role, said in scenario.consent.get(str(day), {}).items():
            simulation.at(at, lambda _now, role=role, said=said: simulation.says(role, said or None))  # type: ignore[misc]
    for day in scenario.by_hand:
        at = local_midnight(scenario.start + timedelta(days=day), zone) + MORNING
        simulation.at(at, lambda now: simulation.enroll(playbooks[0].playbook, now))
    return simulation, local_midnight(scenario.start + timedelta(days=scenario.until + 1), zone) - timedelta(seconds=1)


def _key(scenario: ScenarioDocument, playbooks: Sequence[Compiled]) -> str:
    return account_for(scenario.arms, playbooks, held_out=scenario.holdout)


def typed_facts(workspace: Workspace, values: Mapping[str, Any]) -> dict[str, Any]:
    """Full names and typed values; bare names are the account's."""
    if not values:
        return {}
    catalogue = workspace.catalogue()
    typed: dict[str, Any] = {}
    for short, value in values.items():
        name = short if "." in short else f"account.{short}"
        found = catalogue.field(name)
        if found is None:
            raise ValueError(f"there is no field {name}; {did_you_mean(name, catalogue.fields)}")
        typed[name] = _value(value, found.type)
    return typed


def _value(value: Any, type_: str) -> Any:
    match type_, value:
        case "date", str():
            return date.fromisoformat(value)
        case "instant", str():
            return datetime.fromisoformat(value)
        case "number", int():
            return float(value)
    return value
