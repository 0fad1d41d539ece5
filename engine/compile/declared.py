"""What a playbook names and somebody else declares: roles, fields, cards, events, connectors and mail texts."""

from collections.abc import Mapping

from engine.compile.place import Place
from engine.documents.document import Document
from engine.mail.policy import topic_of
from engine.problems import did_you_mean
from engine.texts.document import MailText
from engine.workspace import Workspace


class Declared(Place):
    """Answers for the workspace and for the playbook's mail texts, and remembers which texts were used."""

    def __init__(self, document: Document, workspace: Workspace, texts: Mapping[str, MailText]) -> None:
        super().__init__(document)
        self._workspace, self._texts = workspace, texts
        self._catalogue = workspace.catalogue()
        self._used: dict[str, None] = {}
        """Mail texts by hash."""

    def text(self, name: str, *at: str | int) -> str | None:
        text = self._texts.get(name)
        if text is None:
            self.unknown("mail text", name, tuple(self._texts), *at, code="PB321")
            return None
        self._used[text.hash] = None
        return text.hash

    def topic(self, name: str) -> str | None:
        text = self._texts[name]
        return topic_of(text.category, text.topic)

    def translations(self, name: str, *at: str | int) -> dict[str, str]:
        own, *others = self._workspace.locales or ("",)
        found = {locale: text.hash for locale in others if (text := self._texts.get(f"{name}.{locale}"))}
        self._used |= dict.fromkeys(found.values())
        for locale in others:
            if locale not in found:
                hint = f"write emails/{name}.{locale}.md; without it they get {name}.md ({own})"
                self.problem("PB344", f"{name} is not translated into {locale}", *at, hint=hint, severity="warning")
        known = (own, *others)
        for stray in self._texts:
            locale = stray.removeprefix(f"{name}.")
            if own and stray != name and stray == f"{name}.{locale}" and locale not in known:
                hint = did_you_mean(locale, known) or f"locales: [{', '.join(known)}, {locale}]"
                self.problem("PB344", f"nobody gets {stray}.md: {locale} is not among the locales", *at, hint=hint)
        return found

    def connector(self, kind: str, name: str, *at: str | int) -> bool:
        found = self._workspace.connectors.get(name)
        if found is not None and found.kind == kind:
            return True
        known = tuple(name for name, one in self._workspace.connectors.items() if one.kind == kind)
        if found is not None:
            hint = f"use one of {', '.join(known)}" if known else f"declare one with kind: {kind}"
            self.problem("PB340", f"the connector {name} is of kind {found.kind}, not {kind}", *at, hint=hint)
        else:
            hint = did_you_mean(name, known) or f"declare it in tenure.yaml: connectors: {name}: {{ kind: {kind}, … }}"
            self.problem("PB340", f'there is no {kind} connector "{name}"', *at, hint=hint)
        return False

    def staff_role(self, name: str, *at: str | int) -> str | None:
        return self._role(name, tuple(self._workspace.roles.staff), "staff role", at)

    def contact_role(self, name: str, *at: str | int) -> str | None:
        return self._role(name, tuple(self._workspace.roles.contacts), "contact role", at)

    def settable_field(self, name: str, *at: str | int) -> str | None:
        settable = tuple(one.name for one in self._workspace.told() if one.name.startswith("account."))
        if name not in settable:
            if self._catalogue.field(name) is not None:
                hint = "only fields declared in tenure.yaml without `from` can be set"
                self.problem("PB318", f"{name} is not a playbook's to write", *at, hint=hint)
            else:
                self.unknown("field", name, settable, *at)
            return None
        found = self._catalogue.field(name)
        return found.type if found else None

    def options(self, field: str) -> tuple[str, ...]:
        found = self._catalogue.field(field)
        return found.options if found else ()

    def score_range(self, card: str) -> tuple[float, float] | None:
        return (0.0, 100.0) if card in self.cards() else None

    def bands(self, card: str) -> tuple[str, ...] | None:
        found = self._catalogue.field(f"{card}.band")
        return found.options if found else None

    def cards(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(card.id for card in self._workspace.scorecards))

    def events(self) -> tuple[str, ...]:
        return tuple(self._catalogue.events)

    def has_metric(self, metric: str) -> bool:
        return metric in self.metrics()

    def metrics(self) -> tuple[str, ...]:
        return tuple(name.removeprefix("metric.") for name in self._catalogue.fields if name.startswith("metric."))

    def field_type(self, name: str) -> str | None:
        found = self._catalogue.field(name)
        return found.type if found else None

    def fields_of_type(self, *types: str) -> tuple[str, ...]:
        return tuple(name for name, found in self._catalogue.fields.items() if found.type in types)

    def _role(self, name: str, known: tuple[str, ...], what: str, at: tuple[str | int, ...]) -> str | None:
        if name in known:
            return name
        self.unknown(what, name, known, *at, code="PB317")
        return None
