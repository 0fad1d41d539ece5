"""Scenarios on a real stage: each in an account of its own, over PostgreSQL and Temporal, under one virtual clock.

What a scenario simply tells although the workspace would compute it, a score or a metric, the stage is told, too.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from temporalio.client import Client

from app.connectors import own_tasks
from app.temporal import prepare_namespace
from connectors.email.stored import StoredTransport
from engine.calendars import local_midnight
from engine.compile import Compilation
from engine.contacts import Contact
from engine.expressions import Scope, parse_expression
from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact, PersonFact
from engine.health.scorecards import Component, Scorecard
from engine.mail.addresses import address_key
from engine.plan import Compiled
from engine.scenarios.contacts import contacts_by_day
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.people import ScenarioPeople
from engine.scenarios.run import MORNING, typed_facts
from engine.turns.runtime import Entry
from engine.values import Condition
from engine.workspace import Workspace
from store import clock, consent
from store.deciding.enrolment import enrol
from store.deploying.deploy import Publication, deploy
from store.intake import arriving, take_in
from store.people import recipients
from store.schema import account, run, trace
from tests.databases import engine_of
from tests.e2e.answering import Answering
from workflows.driver import Driver
from workflows.ports import STREAM, Ports
from workflows.worker import playbook_worker

_OWN = {"account.name": "Acme", "account.csm": "kim"}
"""What texts and tasks need, and no scenario says."""


@dataclass(frozen=True, kw_only=True)
class Played:
    """One run as the database tells it."""

    playbook: str
    started_at: datetime
    ending: tuple[str, str] | None
    ended_at: datetime | None
    trace: tuple[Entry, ...]


def told_by(scenario: ScenarioDocument, workspace: Workspace) -> frozenset[str]:
    """The names it tells although they are computed."""
    computed = {one.name for one in workspace.computed} | {f"{card.id}.score" for card in workspace.scorecards}
    told = typed_facts(workspace, scenario.account)
    names = [*told, *(name for values in scenario.days.values() for name in typed_facts(workspace, values))]
    return frozenset(name for name in names if name in computed)


def telling(workspace: Workspace, told: frozenset[str]) -> Workspace:
    """The workspace with these names told from outside instead of computed."""
    catalogue = workspace.catalogue()
    fields = [catalogue.fields[name] for name in sorted(told) if name.startswith("account.")]
    pushed = [name.removeprefix("metric.") for name in sorted(told) if name.startswith("metric.")]
    scores = [name.removesuffix(".score") for name in sorted(told) if name.endswith(".score")]
    changed = workspace.model_copy(
        update={
            "computed": tuple(one for one in workspace.computed if one.name not in told),
            "fields": (*workspace.fields, *fields),
            "pushed": (*workspace.pushed, *pushed, *(f"told_{id_}" for id_ in scores)),
        }
    )
    cards = [_telling_card(card, changed) if card.id in scores else card for card in workspace.scorecards]
    return changed.model_copy(update={"scorecards": tuple(cards)})


def _telling_card(card: Scorecard, workspace: Workspace) -> Scorecard:
    expression = parse_expression(f"metric.told_{card.id}", Scope(catalogue=workspace.catalogue()))
    component = Component(
        id="told", input=Condition.of(expression), scale=((0.0, 0.0), (100.0, 100.0)), weight=1.0, missing="unknown"
    )
    return card.model_copy(update={"components": (component,), "applies_to": None})


class Stage:
    """Scenarios that tell the same names, over all these playbooks; the first is the one that is started by hand."""

    def __init__(self, url: str, compilations: Sequence[Compilation], workspace: Workspace) -> None:
        self.database = engine_of(url)
        self.workspace = workspace
        self.compiled: Sequence[Compiled] = [one.compiled for one in compilations if one.compiled is not None]
        texts = [{text.hash: text.model_dump(mode="json") for text in one.texts.values()} for one in compilations]
        self._publications = [
            Publication(compiled=compiled, source="", texts=of)
            for compiled, of in zip(self.compiled, texts, strict=True)
        ]
        self._queue = f"stage-{uuid.uuid4().hex[:8]}"

    async def play(self, client: Client, scenarios: Mapping[str, ScenarioDocument]) -> None:
        """Every scenario, by the key of its account, to the end of its last day."""
        await prepare_namespace(client, embedded=True)
        begin, end = await asyncio.to_thread(self._set, scenarios)
        transport = StoredTransport(lambda _mail: None, lambda _id: True)
        ports = Ports(tasks=own_tasks, transports=lambda: {STREAM: transport})
        answering = Answering(self.database, {key: ScenarioPeople(one.people) for key, one in scenarios.items()})
        async with playbook_worker(client, self.database, ports, queue=self._queue, cached=1000):
            driver = answering.driver = Driver(self.database, client, ports, queue=self._queue, after=answering.look)
            for key, scenario in scenarios.items():
                self._start_by_hand(driver, key, scenario)
                self._take_consent(driver, key, scenario)
            await driver.stop_at(begin)
            await driver.advance(end)
            await driver.close()

    def _start_by_hand(self, driver: Driver, key: str, scenario: ScenarioDocument) -> None:
        playbook = self.compiled[0].playbook
        for day in scenario.by_hand:
            midnight = local_midnight(scenario.start + timedelta(days=day), zone_of(scenario, self.workspace))
            driver.appoint(midnight + MORNING, lambda conn, _: enrol(conn, playbook, key, "kim"))

    def _take_consent(self, driver: Driver, key: str, scenario: ScenarioDocument) -> None:
        for day, said in scenario.consent.items():
            midnight = local_midnight(scenario.start + timedelta(days=int(day)), zone_of(scenario, self.workspace))
            for role, wanted in said.items():
                driver.appoint(midnight, self._saying(key, role, wanted))

    def _saying(self, key: str, role: str, wanted: Mapping[str, bool] | bool) -> Any:
        def say(conn: sa.Connection, now: datetime) -> None:
            account_id = conn.execute(sa.select(account.c.id).where(account.c.key == key)).scalar_one()
            for one in recipients(conn, account_id, role, "exact", self.workspace):
                if one.email and isinstance(wanted, bool):
                    consent.leave_all(conn, address_key(one.email), now, source="page")
                elif one.email and not isinstance(wanted, bool):
                    consent.save(conn, address_key(one.email), wanted, now, source="page")

        return say

    def _set(self, scenarios: Mapping[str, ScenarioDocument]) -> tuple[datetime, datetime]:
        staged: list[tuple[IncomingFact, datetime]] = []
        for key, scenario in scenarios.items():
            staged += self._facts(key, scenario)
        staged.sort(key=lambda one: one[1])
        begin = staged[0][1]
        end = max(last_instant(scenario, self.workspace) for scenario in scenarios.values())
        with self.database.begin() as conn:
            clock.set_virtual(conn, begin)
            people = [
                PersonFact(key="kim", name="Kim", email="kim@ours.test", manager="lee"),
                PersonFact(key="lee", name="Lee", email="lee@ours.test"),
            ]
            assert not take_in(conn, people, known_at=begin).problems
            deploy(conn, self.workspace, self._publications, begin)
            arriving.stage(conn, staged)
        return begin, end

    def _facts(self, key: str, scenario: ScenarioDocument) -> list[tuple[IncomingFact, datetime]]:
        zone = zone_of(scenario, self.workspace)
        start = local_midnight(scenario.start, zone)
        facts: list[tuple[IncomingFact, datetime]] = []
        facts += [(fact, start) for fact in self._told(key, {**_OWN, "lifecycle": "live", **scenario.account})]
        for day, met in contacts_by_day(scenario).items():
            at = local_midnight(scenario.start + timedelta(days=day), zone)
            facts += [(_contact_fact(key, one, at), at) for one in met]
        for day in range(scenario.until + 1):
            at = local_midnight(scenario.start + timedelta(days=day), zone)
            # Dated, or telling the same value again would be the same fact.
            told = self._told(key, scenario.days.get(str(day), {}))
            facts += [(fact.model_copy(update={"at": at}), at) for fact in told]
            for i, event in enumerate(scenario.events.get(str(day), ())):
                id_ = f"{key}-{day}-{i}"
                facts.append((EventFact(type=event.type, account=key, at=at, key=id_, props=dict(event.props)), at))
        return facts

    def _told(self, key: str, values: Mapping[str, Any]) -> list[IncomingFact]:
        named = {name if "." in name else f"account.{name}": value for name, value in values.items()}
        own = {name: value for name, value in named.items() if name.startswith("account.")}
        facts: list[IncomingFact] = [AccountFact(key=key, fields=own)] if own else []
        for name, value in named.items():
            if name.startswith("metric."):
                facts.append(MetricFact(account=key, metric=name.removeprefix("metric."), value=value))
            elif name.endswith(".score"):
                facts.append(MetricFact(account=key, metric=f"told_{name.removesuffix('.score')}", value=value))
        return facts

    def played(self, key: str) -> list[Played]:
        """The account's runs in their order."""
        with self.database.connect() as conn:
            of = sa.select(run).join(account, account.c.id == run.c.account_id).where(account.c.key == key)
            return [self._played(conn, row) for row in conn.execute(of.order_by(run.c.id)).all()]

    def _played(self, conn: sa.Connection, row: Any) -> Played:
        lines: Sequence[Any] = conn.execute(
            sa.select(trace).where(trace.c.run_id == row.id).order_by(trace.c.seq)
        ).all()
        return Played(
            playbook=row.playbook,
            started_at=row.started_at,
            ending=(row.outcome, row.reason) if row.state == "ended" else None,
            ended_at=row.ended_at,
            trace=tuple(Entry(seq=o.seq, at=o.at, path=o.path, what=o.what, detail=o.detail) for o in lines),
        )


def _contact_fact(key: str, one: Contact, at: datetime) -> ContactFact:
    """Dated, or what is said again after something else would be the same fact."""
    told = {**asdict(one), "email": one.email and one.email.replace("@account.", f"@{key}.")}
    return ContactFact(account=key, at=at, **told)


def zone_of(scenario: ScenarioDocument, workspace: Workspace) -> str:
    """The account's zone, or the workspace's."""
    zone: str = typed_facts(workspace, scenario.account).get("account.zone") or workspace.zone
    return zone


def last_instant(scenario: ScenarioDocument, workspace: Workspace) -> datetime:
    """The end of its last day."""
    after = scenario.start + timedelta(days=scenario.until + 1)
    return local_midnight(after, zone_of(scenario, workspace)) - timedelta(seconds=1)
