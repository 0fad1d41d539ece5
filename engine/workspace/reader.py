"""Reads tenure.yaml and the scorecards into a checked `Workspace`, or says everything that is wrong with them.

What computes a value is an expression over the catalogue; they are put into an order in which each finds what it needs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from engine.catalogue import BUILT_IN, EVENT_WORDS, RECORD_WORDS, Catalogue, Type
from engine.catalogue import Field as CatalogueField
from engine.documents.document import Document, load_document, read_model
from engine.expressions import ExpressionError, Scope, parse_expression
from engine.health.scorecards import Scorecard, card_id, load_scorecard, told_by_cards
from engine.problems import DocumentError, Problem, Spot, did_you_mean
from engine.values import Condition
from engine.workspace.connectors import read_connectors
from engine.workspace.document import PropDocument, WorkspaceDocument
from engine.workspace.findings import Findings
from engine.workspace.mappings import Mappings
from engine.workspace.model import Computed, Generate, Person, Reminders, Roles, Workspace, base_catalogue
from engine.workspace.roles import FieldOf, ManagerOf, rule_of

FILE = "tenure.yaml"
CARDS = "scorecards/"

_USUAL_STAFF: Mapping[str, str] = {"csm": "account.csm"}


def load_workspace(files: Mapping[str, bytes]) -> Workspace:
    """The workspace in these files (path inside the workspace folder → content); DocumentError with all problems.

    Reads tenure.yaml and scorecards/*.yaml; other files are not its business.
    """
    if FILE not in files:
        missing = Problem(code="PB501", spot=Spot(file=FILE), message="there is no such file", hint=f"write a {FILE}")
        raise DocumentError([missing])
    document = load_document(files[FILE], FILE)
    cards, problems = _card_documents(files)
    reader = _Reader(document, read_model(WorkspaceDocument, document))
    workspace = reader.workspace([name for card in cards if (name := card_id(card))])
    problems += reader.problems
    rolled = told_by_cards(cards)
    workspace = workspace.model_copy(update={"fields": (*workspace.fields, *rolled)})
    scored, card_problems = _scorecards(cards, workspace.catalogue())
    problems += card_problems
    if problems:
        raise DocumentError(problems)
    return workspace.model_copy(update={"scorecards": scored})


def _card_documents(files: Mapping[str, bytes]) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in sorted(files):
        if path.startswith(CARDS) and path.endswith((".yaml", ".yml")):
            try:
                documents.append(load_document(files[path], path))
            except DocumentError as error:
                problems += error.problems
    return documents, problems


def _scorecards(documents: Sequence[Document], catalogue: Catalogue) -> tuple[tuple[Scorecard, ...], list[Problem]]:
    cards: list[Scorecard] = []
    problems: list[Problem] = []
    last: dict[str, Document] = {}
    for document in documents:
        try:
            card = load_scorecard(document, catalogue)
        except DocumentError as error:
            problems += error.problems
            continue
        before = next((other for other in cards if other.id == card.id and other.applies_to is None), None)
        if before is not None:
            problems.append(
                Problem(
                    code="PB504",
                    spot=document.spot(("scorecard",)),
                    message=f'"{card.id}" in {last[card.id].file} applies to every account, so this one never scores',
                    hint="give the earlier file an applies_to: (files are tried in the order of their names)",
                )
            )
        namesake = next((other for other in cards if other.id == card.id), None)
        if namesake is not None and namesake.rollup != card.rollup:
            problems.append(
                Problem(
                    code="PB504",
                    spot=document.spot(("rollup",)),
                    message=f'"{card.id}" rolls up otherwise in {last[card.id].file}',
                    hint="cards of one name say the same rollup:, since a parent may have children of all of them",
                )
            )
        cards.append(card)
        last[card.id] = document
    return tuple(cards), problems


class _Reader(Findings):
    """Turns the authored document into the checked workspace, collecting problems on the way."""

    def __init__(self, document: Document, authored: WorkspaceDocument) -> None:
        super().__init__(document)
        self.authored = authored

    def workspace(self, card_ids: Sequence[str]) -> Workspace:
        authored = self.authored
        told, derived = self._fields()
        records = {
            kind: self._props(("records", kind), props, RECORD_WORDS) for kind, props in authored.records.items()
        }
        events = {
            kind: None if props is None else self._props(("events", kind), props, EVENT_WORDS)
            for kind, props in authored.events.items()
        }
        pushed = tuple(name for name, text in authored.metrics.items() if text == "number")
        metrics = {f"metric.{name}": text for name, text in authored.metrics.items() if text != "number"}
        made = {field.name: field for field in (*derived.values(), *map(_metric, metrics))}
        catalogue = base_catalogue(told, pushed, made, records, events, retention=authored.retention)
        computed = self._computed(metrics, derived, Scope(catalogue=catalogue, aggregates=True))
        self._check_words(events, card_ids)
        mappings = Mappings(authored, catalogue, tuple(made), self)
        return Workspace(
            name=authored.name,
            zone=authored.zone,
            calendar=authored.calendar,
            sender=authored.sender,
            postal_address=authored.postal_address,
            roles=self._roles(),
            people=self._people(),
            fields=tuple(told),
            records=records,
            events=events,
            pushed=pushed,
            computed=computed,
            feeds=authored.feeds,
            imports=mappings.imports(),
            pulls=mappings.pulls(),
            generate=self._generate(told),
            connectors=read_connectors(authored.connectors, self),
            mail=authored.mail,
            surveys=authored.surveys,
            reminders=self._reminders(),
            breaker=authored.breaker,
            quarantine=authored.quarantine,
            retention=authored.retention,
            locales=self._locales(),
        )

    def _fields(self) -> tuple[list[CatalogueField], dict[str, CatalogueField]]:
        told: list[CatalogueField] = []
        derived: dict[str, CatalogueField] = {}
        for name, field in self.authored.fields.items():
            built_in = BUILT_IN.get(name)
            type_ = field.type or (built_in.type if built_in else None)
            if type_ is None:
                self.say(("fields", name), "PB501", f"{name} needs a type", f"type: one of {', '.join(get_args(Type))}")
                continue
            options = field.of or (built_in.options if built_in and built_in.type == type_ else ())
            if type_ == "choice" and not options and not isinstance(field.from_, dict):
                self.say(("fields", name), "PB501", "a choice needs its words", "of: [small, large]")
            says = field.says or (built_in.says if built_in else "")
            declared = CatalogueField(name=name, type=type_, options=tuple(options), says=says)
            if field.from_ is None:
                told.append(declared)
            else:
                cases = tuple(field.from_) if isinstance(field.from_, dict) and not options else ()
                derived[name] = replace(declared, options=(*options, *cases))
        return told, derived

    def _props(
        self, at: Sequence[str], props: Mapping[str, PropDocument], words: Iterable[str]
    ) -> dict[str, CatalogueField]:
        for name in props:
            if name in words:
                self.say((*at, name), "PB502", f'every row has its own "{name}"', "call the prop differently")
            if props[name].type == "tags":
                self.say((*at, name), "PB502", "only accounts have tags", "type: text")
        return {
            name: CatalogueField(name=name, type=prop.type, options=prop.of, says=prop.says)
            for name, prop in props.items()
        }

    def _computed(
        self, metrics: Mapping[str, str], derived: Mapping[str, CatalogueField], scope: Scope
    ) -> tuple[Computed, ...]:
        found: dict[str, Computed] = {}
        for name, text in metrics.items():
            condition = self._condition(text, ("metrics", name.removeprefix("metric.")), scope, "number")
            if condition is not None:
                found[name] = Computed(name=name, type="number", expression=condition)
        for name, field in derived.items():
            one = self._derived(field, self.authored.fields[name].from_, scope)
            if one is not None:
                found[name] = one
        return self._in_order(found)

    def _derived(self, field: CatalogueField, source: str | dict[str, str] | None, scope: Scope) -> Computed | None:
        at = ("fields", field.name, "from")
        whole = Computed(name=field.name, type=field.type, options=field.options, says=field.says)
        if isinstance(source, dict):
            if field.type not in ("choice", "text"):
                hint = "write one expression instead"
                self.say(at, "PB505", f"cases give words, and {field.name} is a {field.type}", hint)
                return None
            for case in source:
                if field.options and case not in field.options:
                    self.say((*at, case), "PB505", f'"{case}" is not one of its words', ", ".join(field.options))
            cases = [(case, self._condition(text, (*at, case), scope, "bool")) for case, text in source.items()]
            found = tuple((case, condition) for case, condition in cases if condition is not None)
            return whole.model_copy(update={"cases": found})
        condition = self._condition(source or "", at, scope, field.type)
        return None if condition is None else whole.model_copy(update={"expression": condition})

    def _in_order(self, found: Mapping[str, Computed]) -> tuple[Computed, ...]:
        """Each after what it reads; what is left over goes round in a circle."""
        ordered: dict[str, Computed] = {}
        left = dict(found)
        while left:
            ready = [name for name, one in left.items() if not any(read in left for read in one.reads())]
            if not ready:
                names = ", ".join(left)
                for name in left:
                    at = ("metrics", name.removeprefix("metric.")) if name.startswith("metric.") else ("fields", name)
                    self.say(at, "PB505", f"{name} needs itself, in a circle among {names}", "break the circle")
                break
            for name in ready:
                ordered[name] = left.pop(name)
        return tuple(ordered.values())

    def _check_words(self, events: Mapping[str, object], card_ids: Sequence[str]) -> None:
        for name in self.authored.feeds:
            if name not in events:
                self.say(
                    ("feeds", name),
                    "PB502",
                    f'there are no events "{name}"',
                    did_you_mean(name, events) or "declare them under events:",
                )
        for card in card_ids:
            if card in _TAKEN:
                self.problems.append(
                    Problem(
                        code="PB504",
                        spot=Spot(file=f"{CARDS}{card}.yaml"),
                        message=f'a scorecard cannot be called "{card}"',
                        hint=f"these words are taken: {', '.join(_TAKEN)}",
                    )
                )

    def _reminders(self) -> Reminders | None:
        """The channel is a connector that can say something."""
        reminders = self.authored.reminders
        chats = [name for name, one in self.authored.connectors.items() if one.get("kind") == "chat"]
        if reminders is not None and reminders.channel not in chats:
            hint = did_you_mean(reminders.channel, chats) or f"connectors: {{ {reminders.channel}: {{ kind: chat }} }}"
            says = f'there is no chat connector "{reminders.channel}"'
            self.say(("reminders", "channel"), "PB340", says, hint)
        return reminders

    def _roles(self) -> Roles:
        roles = self.authored.roles
        for role, chain in roles.contacts.items():
            for n, link in enumerate(chain):
                if link != "any" and link not in roles.contacts:
                    hint = did_you_mean(link, [*roles.contacts, "any"])
                    self.say(("roles", "contacts", role, n), "PB506", f'"{link}" is no contact role', hint)
        staff = roles.staff or dict(_USUAL_STAFF)
        for role, rule in staff.items():
            meant, known = rule_of(rule), [name for name in staff if name != role]
            if isinstance(meant, FieldOf) and not meant.field.startswith("account."):
                hint = "write a field such as account.csm, manager of csm, or least loaded of support"
                self.say(("roles", "staff", role), "PB506", f'"{rule}" does not say who that is', hint)
            elif isinstance(meant, ManagerOf) and meant.role not in known:
                hint = did_you_mean(meant.role, known)
                self.say(("roles", "staff", role), "PB506", f'"{meant.role}" is no staff role', hint)
        return Roles(contacts=roles.contacts, staff=staff)

    def _people(self) -> tuple[Person, ...]:
        keys = [person.key for person in self.authored.people]
        for n, person in enumerate(self.authored.people):
            if person.key in keys[:n]:
                self.say(("people", n, "key"), "PB507", f'"{person.key}" is listed before', "remove one of them")
            if person.manager is not None and person.manager not in keys:
                hint = did_you_mean(person.manager, keys)
                self.say(("people", n, "manager"), "PB507", f'there is no "{person.manager}" among the people', hint)
        return self.authored.people

    def _generate(self, told: Sequence[CatalogueField]) -> Generate:
        known = dict.fromkeys((*BUILT_IN, *(field.name for field in told)))
        for name in self.authored.generate.fields:
            if name not in known:
                hint = did_you_mean(name, known)
                self.say(("generate", "fields", name), "PB507", f'there is no told field "{name}"', hint)
        return self.authored.generate

    def _locales(self) -> tuple[str, ...]:
        locales = self.authored.locales
        for n, locale in enumerate(locales):
            if locale in locales[:n]:
                self.say(("locales", n), "PB510", f'"{locale}" is listed before', "remove one of them")
        return locales

    def _condition(self, text: str, at: Sequence[str], scope: Scope, want: Any) -> Condition | None:
        try:
            return Condition.of(parse_expression(text, scope, want=want))
        except ExpressionError as error:
            self.problems += error.in_document(self.document, at)
            return None


_TAKEN = (
    "account",
    "contact",
    "email",
    "event",
    "metric",
    "metrics",
    "record",
    "survey",
    "task",
    "wait_for",
    "webhook",
)


def _metric(name: str) -> CatalogueField:
    return CatalogueField(name=name, type="number")
