"""Reads tenure.yaml and the scorecards into a checked `Workspace`, or says everything that is wrong with them.

What computes a value is an expression over the catalogue; they are put into an order in which each finds what it needs.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from engine.catalogue import BUILT_IN, EVENT_WORDS, RECORD_WORDS, Catalogue, Type
from engine.catalogue import Field as CatalogueField
from engine.document import Document, load_document, read_model
from engine.expressions import ExpressionError, Scope, parse_expression
from engine.problems import DocumentError, Problem, Spot, did_you_mean
from engine.roles import FieldOf, ManagerOf, rule_of
from engine.scorecards import Scorecard, card_id, load_scorecard, told_by_cards
from engine.values import Condition
from engine.workspace import (
    REPLIES,
    Cell,
    Computed,
    Connector,
    ConnectorKind,
    Generate,
    Import,
    Person,
    Pull,
    Reminders,
    Roles,
    Workspace,
    base_catalogue,
)
from engine.workspace_document import ImportDocument, MappingDocument, PropDocument, WorkspaceDocument

FILE = "tenure.yaml"
CARDS = "scorecards/"

_USUAL_STAFF: Mapping[str, str] = {"csm": "account.csm"}


def read_workspace(files: Mapping[str, bytes]) -> Workspace:
    """See `engine.workspace.load_workspace`."""
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


class _Reader:
    """Turns the authored document into the checked workspace, collecting problems on the way."""

    def __init__(self, document: Document, authored: WorkspaceDocument) -> None:
        self.document, self.authored = document, authored
        self.problems: list[Problem] = []

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
        catalogue = base_catalogue(told, pushed, made, records, events)
        computed = self._computed(metrics, derived, Scope(catalogue=catalogue, aggregates=True))
        self._check_words(events, card_ids)
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
            imports=self._imports(catalogue, tuple(made)),
            pulls=self._pulls(catalogue, tuple(made)),
            generate=self._generate(told),
            connectors=self._connectors(),
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
                self._say(
                    ("fields", name), "PB501", f"{name} needs a type", f"type: one of {', '.join(get_args(Type))}"
                )
                continue
            options = field.of or (built_in.options if built_in and built_in.type == type_ else ())
            if type_ == "choice" and not options and not isinstance(field.from_, dict):
                self._say(("fields", name), "PB501", "a choice needs its words", "of: [small, large]")
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
                self._say((*at, name), "PB502", f'every row has its own "{name}"', "call the prop differently")
            if props[name].type == "tags":
                self._say((*at, name), "PB502", "only accounts have tags", "type: text")
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
                self._say(at, "PB505", f"cases give words, and {field.name} is a {field.type}", hint)
                return None
            for case in source:
                if field.options and case not in field.options:
                    self._say((*at, case), "PB505", f'"{case}" is not one of its words', ", ".join(field.options))
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
                    self._say(at, "PB505", f"{name} needs itself, in a circle among {names}", "break the circle")
                break
            for name in ready:
                ordered[name] = left.pop(name)
        return tuple(ordered.values())

    def _check_words(self, events: Mapping[str, object], card_ids: Sequence[str]) -> None:
        for name in self.authored.feeds:
            if name not in events:
                self._say(
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
            self._say(("reminders", "channel"), "PB340", says, hint)
        return reminders

    def _roles(self) -> Roles:
        roles = self.authored.roles
        for role, chain in roles.contacts.items():
            for n, link in enumerate(chain):
                if link != "any" and link not in roles.contacts:
                    hint = did_you_mean(link, [*roles.contacts, "any"])
                    self._say(("roles", "contacts", role, n), "PB506", f'"{link}" is no contact role', hint)
        staff = roles.staff or dict(_USUAL_STAFF)
        for role, rule in staff.items():
            meant, known = rule_of(rule), [name for name in staff if name != role]
            if isinstance(meant, FieldOf) and not meant.field.startswith("account."):
                hint = "write a field such as account.csm, manager of csm, or least loaded of support"
                self._say(("roles", "staff", role), "PB506", f'"{rule}" does not say who that is', hint)
            elif isinstance(meant, ManagerOf) and meant.role not in known:
                hint = did_you_mean(meant.role, known)
                self._say(("roles", "staff", role), "PB506", f'"{meant.role}" is no staff role', hint)
        return Roles(contacts=roles.contacts, staff=staff)

    def _people(self) -> tuple[Person, ...]:
        keys = [person.key for person in self.authored.people]
        for n, person in enumerate(self.authored.people):
            if person.key in keys[:n]:
                self._say(("people", n, "key"), "PB507", f'"{person.key}" is listed before', "remove one of them")
            if person.manager is not None and person.manager not in keys:
                hint = did_you_mean(person.manager, keys)
                self._say(("people", n, "manager"), "PB507", f'there is no "{person.manager}" among the people', hint)
        return self.authored.people

    def _generate(self, told: Sequence[CatalogueField]) -> Generate:
        known = dict.fromkeys((*BUILT_IN, *(field.name for field in told)))
        for name in self.authored.generate.fields:
            if name not in known:
                hint = did_you_mean(name, known)
                self._say(("generate", "fields", name), "PB507", f'there is no told field "{name}"', hint)
        return self.authored.generate

    def _locales(self) -> tuple[str, ...]:
        locales = self.authored.locales
        for n, locale in enumerate(locales):
            if locale in locales[:n]:
                self._say(("locales", n), "PB510", f'"{locale}" is listed before', "remove one of them")
        return locales

    def _connectors(self) -> dict[str, Connector]:
        connectors: dict[str, Connector] = {}
        for name, settings in self.authored.connectors.items():
            kind = settings.get("kind", "email")
            if kind not in get_args(ConnectorKind):
                hint = did_you_mean(str(kind), get_args(ConnectorKind))
                self._say(("connectors", name, "kind"), "PB508", f'there are no "{kind}" connectors', hint)
                continue
            if kind == "email" and name != "email":
                hint = "kind: webhook, or kind: chat; mail leaves through the one called email"
                self._say(("connectors", name), "PB508", "which kind of connector?", hint)
                continue
            if (kind == REPLIES) != (name == REPLIES):
                hint = "replies: { kind: replies, provider: imap, … }"
                self._say(("connectors", name), "PB508", "replies come through the one connector called replies", hint)
                continue
            if kind == REPLIES and not _MAIL_ADDRESS.fullmatch(str(settings.get("address", ""))):
                hint = "address: reply@in.corp.example, without a +"
                self._say(("connectors", name), "PB508", "at which address do replies arrive?", hint)
                continue
            provider = settings.get("provider", _USUAL_PROVIDER.get(str(kind)))
            if not isinstance(provider, str):
                self._say(("connectors", name), "PB508", "which provider?", "provider: stored")
                continue
            self._no_secrets(name, settings)
            rest = {key: value for key, value in settings.items() if key not in ("kind", "provider")}
            connectors[name] = Connector(kind=kind, provider=provider, settings=rest)
        return connectors

    def _no_secrets(self, name: str, settings: Mapping[str, object]) -> None:
        for setting, value in settings.items():
            by_name = _SECRET.search(setting) and not setting.endswith("_env")
            by_value = isinstance(value, str) and _SECRET_VALUE.search(value)
            if by_name or by_value:
                stem = setting if setting.endswith("_env") else f"{setting}_env"
                self._say(
                    ("connectors", name, setting),
                    "PB508",
                    "a secret does not belong in a file",
                    f"name an environment variable instead: {stem}: {name.upper()}_{setting.upper()}",
                )

    def _imports(self, catalogue: Catalogue, computed: Sequence[str]) -> tuple[Import, ...]:
        return tuple(
            made
            for name, authored in self.authored.imports.items()
            if (made := self._mapping(("imports", name), authored, catalogue, computed)) is not None
        )

    def _pulls(self, catalogue: Catalogue, computed: Sequence[str]) -> dict[str, Pull]:
        pulls: dict[str, Pull] = {}
        for name, authored in self.authored.sources.items():
            at = ("sources", name)
            if (authored.table is None) == (authored.query is None):
                self._say(at, "PB509", "a source is one table or one query", "write table: or query:")
            if authored.account is not None and _VIA.fullmatch(authored.account):
                hint = "join it in the query"
                self._say((*at, "account"), "PB509", "a source finds accounts in its own rows", hint)
                continue
            mapping = self._mapping(at, authored, catalogue, computed)
            if mapping is not None:
                pulls[name] = Pull(
                    mapping=mapping,
                    address_env=authored.address_env,
                    table=authored.table or "",
                    query=(authored.query or "").rstrip("; \n"),
                    cursor=authored.cursor,
                    every=authored.every,
                    overlap=authored.overlap,
                )
        return pulls

    def _mapping(
        self, at: tuple[str, str], authored: MappingDocument, catalogue: Catalogue, computed: Sequence[str]
    ) -> Import | None:
        makes, _, of = authored.as_.partition(" ")
        problems = len(self.problems)
        if makes in ("record", "event"):
            known: Mapping[str, object] = catalogue.records if makes == "record" else catalogue.events
            if of not in known:
                hint = did_you_mean(of, known) or f"declare it under {makes}s:"
                self._say((*at, "as"), "PB509", f'there is no {makes} "{of}"', hint)
        missing = [key for key in _NEEDED[makes] if getattr(authored, key) is None]
        if missing:
            self._say(at, "PB509", f"{makes} rows need {', '.join(f'{key}:' for key in missing)}", "name the columns")
        columns = authored.fields if makes in ("account", "metrics", "contact") else authored.props
        wrong = authored.props if columns is authored.fields else authored.fields
        if wrong:
            key = "fields" if wrong is authored.fields else "props"
            self._say((*at, key), "PB509", f"{makes} rows have no {key}", "use props: for rows, fields: for accounts")
        if authored.at_end and (makes != "record" or authored.ends is None):
            self._say(
                (*at, "at_end"), "PB509", "only a record with ends: has values that come at its end", "leave it out"
            )
        if len(self.problems) == problems:
            self._check_columns(at, (makes, of), authored, catalogue, computed=computed)
        if len(self.problems) > problems:
            return None
        return Import(
            name=at[1],
            file=authored.file if isinstance(authored, ImportDocument) else "",
            makes=makes,
            of=of,
            account=None if authored.account is None else self._cell(authored.account, (*at, "account")),
            id=authored.id,
            at=authored.at,
            ends=authored.ends,
            fields=columns,
            at_end=authored.at_end,
        )

    def _check_columns(
        self,
        at: Sequence[str],
        what: tuple[str, str],
        authored: MappingDocument,
        catalogue: Catalogue,
        *,
        computed: Sequence[str],
    ) -> None:
        makes, of = what
        known: Iterable[str]
        if makes == "account":
            known = [name for name in catalogue.fields if name.startswith("account.") and name not in computed]
        elif makes == "metrics":
            known = [name.removeprefix("metric.") for name in catalogue.fields if name.startswith("metric.")]
        elif makes == "contact":
            known = ("name", "first_name", "email", "roles", "zone", "locale")
        else:
            kind = catalogue.records[of] if makes == "record" else catalogue.events[of]
            if kind.props is None:
                return
            known = list(kind.props)
        key = "fields" if makes in ("account", "metrics", "contact") else "props"
        for group, names in ((key, getattr(authored, key)), ("at_end", authored.at_end)):
            for name in names:
                if name not in known:
                    why = "it is worked out" if name in computed else "nothing is called so"
                    self._say(
                        (*at, group, name), "PB509", f'"{name}" cannot be imported: {why}', did_you_mean(name, known)
                    )

    def _cell(self, text: str, at: Sequence[str]) -> Cell | None:
        match = _VIA.fullmatch(text)
        if match is None:
            return Cell(column=text)
        other, column, key = match[1], match[2], match[3]
        target = self.authored.imports.get(other)
        if target is None or target.id is None:
            hint = did_you_mean(other, self.authored.imports)
            self._say(at, "PB509", f'there is no import "{other}" with an id:', hint)
            return None
        return Cell(column=column, via=other, key=key or target.id)

    def _condition(self, text: str, at: Sequence[str], scope: Scope, want: Any) -> Condition | None:
        try:
            return Condition.of(parse_expression(text, scope, want=want))
        except ExpressionError as error:
            self.problems += error.in_document(self.document, at)
            return None

    def _say(self, at: Sequence[str | int], code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(code=code, spot=self.document.spot(at), message=message, hint=hint))


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
_MAIL_ADDRESS = re.compile(r"[a-z0-9._-]{1,24}@[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)
"""Short, as a token of 33 characters comes in between, and a name before the @ has 64 at most."""
_USUAL_PROVIDER: Mapping[str, str] = {"webhook": "http", "chat": "stored"}
_SECRET_VALUE = re.compile(
    r"whsec_|xox[abp]-|\bSG\.[\w-]{10}|://[^/@\s]+@|hooks\.slack\.com/services/|webhook\.office\.com/|[?&](key|token|sig)=",
    re.IGNORECASE,
)
"""What secrets look like, those hidden in addresses included."""
_SECRET = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)
_VIA = re.compile(r"\s*via\s+([a-z][a-z0-9_]*)\.(\S+)(?:\s+by\s+(\S+))?\s*", re.ASCII)
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "account": ("id",),
    "contact": ("id", "account"),
    "record": ("id", "account", "at"),
    "event": ("account", "at"),
    "metrics": ("account",),
}


def _metric(name: str) -> CatalogueField:
    return CatalogueField(name=name, type="number")
