"""Turns a playbook's document into its compiled version, finding every problem on the way.

Knows the workspace, the playbook's mail texts and the playbook's own file; not where they came from.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.catalogue import Field
from engine.document import Document, load_document, read_model
from engine.durations import parse_duration
from engine.expressions import Expression, ExpressionError, Scope, parse_expression
from engine.plan import Compiled, Entry, Exit, Goal, Plan
from engine.playbook import PlaybookDocument
from engine.problems import DocumentError, Problem, did_you_mean
from engine.steps import DOCUMENTS, Step, StepDocument
from engine.steps.email import EmailDocument
from engine.steps.task import TaskDocument
from engine.steps.wait_for import MAIL_EVENTS, WaitForDocument
from engine.texts import MailText, check_template, known_names
from engine.triggers import Trigger, TriggerDocument
from engine.triggers.base import identity
from engine.values import Condition
from engine.workspace import Workspace

MAIL_OUTCOMES = ("sent", "skipped", "refused", "unknown")
_OUTSIDE = 'coalesce(account.lifecycle, "live") not in ["churned", "trial_ended"]'
"""Outside every audience that does not speak of the lifecycle itself."""


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """What compiling came to; `compiled` is None when there is an error among the problems."""

    compiled: Compiled | None
    texts: Mapping[str, MailText]
    """The mail texts it sends, by hash."""
    problems: tuple[Problem, ...]
    source: str = ""


def compile_playbook(
    source: bytes, file: str, folder: str, texts: Mapping[str, MailText], workspace: Workspace
) -> Compilation:
    """Compile one playbook.yaml; `folder` is the name of its folder, `texts` its mails by name. Never raises."""
    try:
        document = load_document(source, file)
        playbook = read_model(PlaybookDocument, document)
    except DocumentError as error:
        return Compilation(compiled=None, texts={}, problems=error.problems)
    compiler = Compiler(document, workspace, texts)
    compiled = compiler.compile(playbook)
    if playbook.playbook != folder:
        compiler.problem(
            "PB320", f"the playbook is called {playbook.playbook}, its folder {folder}", "playbook", hint="use one name"
        )
    broken = any(problem.severity == "error" for problem in compiler.problems)
    return Compilation(
        compiled=None if broken else compiled,
        texts={text.hash: text for text in texts.values() if compiled and text.hash in compiled.plan.texts},
        problems=tuple(compiler.problems),
        source=document.text,
    )


@dataclass
class _Found:
    """What the steps so far have said about each other."""

    ids: dict[str, str] = field(default_factory=dict)
    """Step ids and their kinds, in written order."""
    results: dict[str, Field] = field(default_factory=dict)
    listens: dict[str, None] = field(default_factory=dict)
    texts: dict[str, None] = field(default_factory=dict)


class Compiler:
    """Compiles one document. Steps and triggers see it through the protocols of their base files, at their own path."""

    def __init__(self, document: Document, workspace: Workspace, texts: Mapping[str, MailText]) -> None:
        self.problems: list[Problem] = []
        self._document, self._workspace, self._texts = document, workspace, texts
        self._path: tuple[str | int, ...] = ()
        self._found = _Found()
        self._catalogue = workspace.catalogue()
        self._names = names_for_texts(workspace)

    def compile(self, playbook: PlaybookDocument) -> Compiled | None:
        audience = self._audience(playbook.audience)
        triggers = self._triggers(playbook.triggers)
        entry = self._entry(playbook)
        goal = self._goal(playbook)
        exits = [
            Exit(when=Condition.of(when), reason=exit_.reason)
            for i, exit_ in enumerate(playbook.exit)
            if (when := self.facts_condition(exit_.when, "exit", i, "when")) is not None
        ]
        max_age = self.duration(playbook.max_age, "max_age")
        steps = self.steps(playbook.steps, "steps")
        if audience is None or max_age is None or any(problem.severity == "error" for problem in self.problems):
            return None
        plan = Plan(
            playbook=playbook.playbook,
            steps=steps,
            goal=goal,
            exits=tuple(exits),
            open_tasks=playbook.open_tasks,
            max_age=max_age,
            texts=tuple(self._found.texts),
            listens=tuple(self._found.listens),
        )
        return Compiled(
            playbook=playbook.playbook,
            title=playbook.title,
            owner=playbook.owner,
            priority=playbook.priority,
            audience=Condition.of(audience),
            triggers=triggers,
            entry=entry,
            plan=plan,
        )

    # --- the playbook's own parts ---

    def _audience(self, text: str | None) -> Expression | None:
        if text is None:
            return parse_expression(_OUTSIDE, self._scope(), want="bool")
        audience = self.facts_condition(text, "audience")
        if audience is None or "account.lifecycle" in audience.reads:
            return audience
        return parse_expression(f"({audience.text}) and {_OUTSIDE}", self._scope(), want="bool")

    def _triggers(self, documents: Sequence[TriggerDocument]) -> tuple[Trigger, ...]:
        triggers: dict[str, Trigger] = {}
        for i, document in enumerate(documents):
            with self._below("triggers", i):
                trigger = document.compile(self)
                if trigger is None:
                    continue
                id_ = identity(document, trigger)
                if id_ in triggers:
                    self.problem(
                        "PB306", "this trigger is written twice", hint="any trigger starts the playbook; leave one out"
                    )
                triggers[id_] = trigger.model_copy(update={"id": id_})
        return tuple(triggers.values())

    def _entry(self, playbook: PlaybookDocument) -> Entry:
        entry = playbook.entry
        with self._below("entry"):
            again = self.duration(entry.again_after, "again_after") if entry.again_after else None
            term = self.duration(entry.term, "term") or entry.term
            if entry.key is not None:
                found = self._catalogue.field(entry.key)
                if found is None:
                    self.unknown("field", entry.key, tuple(self._catalogue.fields), "key")
                elif found.type not in ("date", "text", "choice"):
                    self.problem("PB325", f"{entry.key} is a {found.type}; a key is a date or a text", "key")
            if entry.on_conflict != "wait" and entry.exclusive is None:
                self.problem(
                    "PB325", "`on_conflict` needs an exclusive group", "on_conflict", hint="add `exclusive: attention`"
                )
        return Entry(**{**entry.model_dump(), "again_after": again, "term": term})

    def _goal(self, playbook: PlaybookDocument) -> Goal | None:
        if playbook.goal is None:
            return None
        when = self.facts_condition(playbook.goal.when, "goal", "when")
        dwell = self.duration(playbook.goal.for_, "goal", "for") if playbook.goal.for_ else None
        return Goal(when=Condition.of(when), dwell=dwell) if when else None

    # --- what steps and triggers ask for ---

    def steps(self, documents: Sequence[StepDocument], *at: str | int) -> tuple[Step, ...]:
        """Compile a sequence of steps, each at its own path."""
        steps: list[Step] = []
        for i, document in enumerate(documents):
            with self._below(*at, i):
                if steps and steps[-1].kind == "end":
                    self.problem("PB308", "this step can never be reached", hint="an `end` stands before it")
                self._claim(document)
                step = document.compile(self)
                # A broken step is remembered as well, or whoever reads its results would be told that it is missing.
                self._remember(document)
                if step is not None:
                    steps.append(step)
        return tuple(steps)

    def condition(self, text: str, *at: str | int) -> Expression | None:
        found = self._expression(text, "bool", self._found.results, at)
        for name in found.reads if found else ():
            kind, _, rest = name.partition(".")
            if kind == "email" and not rest.endswith(".outcome"):
                self.listen(f"email.{rest.rpartition('.')[2]}")
        return found

    def facts_condition(self, text: str, *at: str | int) -> Expression | None:
        found = self._expression(text, "bool", self._found.results if self._path[:1] == ("steps",) else {}, at)
        results = [name for name in found.reads if name in self._found.results] if found else []
        if results:
            message = f"{results[0]} is a result of this run; here only facts of the account can be awaited"
            self.problem("PB319", message, *at, hint="decide on results with `if`, or wait for an event")
            return None
        return found

    def expression(self, text: str, types: tuple[str, ...], *at: str | int) -> Expression | None:
        found = self._expression(text, None, self._found.results, at)
        if found is not None and found.type not in types:
            self.problem("PB207", f"this gives a {found.type}; needed is a {' or '.join(types)}", *at)
            return None
        return found

    def duration(self, text: str, *at: str | int) -> str | None:
        try:
            return str(parse_duration(text))
        except ValueError as error:
            self.problem("PB322", str(error), *at)
            return None

    def line(self, text: str, *at: str | int) -> str | None:
        path = (*self._path, *at)
        found = check_template(text, self._names, lambda offset: self._document.within(path, offset), line=True)
        self.problems.extend(found)
        return None if found else text

    def text(self, name: str, *at: str | int) -> str | None:
        text = self._texts.get(name)
        if text is None:
            self.unknown("mail text", name, tuple(self._texts), *at, code="PB321")
            return None
        self._found.texts[text.hash] = None
        return text.hash

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

    def earlier(self, kind: str, step: str, *at: str | int) -> bool:
        if self._found.ids.get(step) == kind:
            return True
        known = tuple(id_ for id_, its in self._found.ids.items() if its == kind)
        self.unknown(f"earlier {kind} step", step, known, *at, code="PB307")
        return False

    def listen(self, event: str) -> None:
        self._found.listens[event] = None

    def score_range(self, card: str) -> tuple[float, float] | None:
        return (0.0, 100.0) if card in self.cards() else None

    def bands(self, card: str) -> tuple[str, ...] | None:
        found = self._catalogue.field(f"{card}.band")
        return found.options if found else None

    def cards(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(card.id for card in self._workspace.scorecards))

    def has_metric(self, metric: str) -> bool:
        return metric in self.metrics()

    def metrics(self) -> tuple[str, ...]:
        return tuple(name.removeprefix("metric.") for name in self._catalogue.fields if name.startswith("metric."))

    def field_type(self, name: str) -> str | None:
        found = self._catalogue.field(name)
        return found.type if found else None

    def fields_of_type(self, *types: str) -> tuple[str, ...]:
        return tuple(name for name, found in self._catalogue.fields.items() if found.type in types)

    # --- problems ---

    def problem(self, code: str, message: str, *at: str | int, hint: str = "") -> None:
        spot = self._document.spot((*self._path, *at))
        self.problems.append(Problem(code=code, spot=spot, message=message, hint=hint))

    def unknown(self, what: str, word: str, known: Sequence[str], *at: str | int, code: str = "PB323") -> None:
        hint = did_you_mean(word, known) or f"there is no {what} yet"
        self.problem(code, f'there is no {what} "{word}"', *at, hint=hint)

    # --- leaves ---

    @contextmanager
    def _below(self, *at: str | int) -> Iterator[None]:
        """Work further down the document for the length of a `with`."""
        before, self._path = self._path, (*self._path, *at)
        yield
        self._path = before

    def _role(self, name: str, known: tuple[str, ...], what: str, at: tuple[str | int, ...]) -> str | None:
        if name in known:
            return name
        self.unknown(what, name, known, *at, code="PB317")
        return None

    def _scope(self, results: Mapping[str, Field] | None = None) -> Scope:
        return Scope(catalogue=self._catalogue, extra=results or {})

    def _expression(
        self, text: str, want: Literal["bool"] | None, results: Mapping[str, Field], at: tuple[str | int, ...]
    ) -> Expression | None:
        path = (*self._path, *at)
        try:
            return parse_expression(text, self._scope(results), want=want)
        except ExpressionError as error:
            written = _value(self._document.data, path) == text
            found = error.in_document(self._document, path) if written else error.at(self._document.spot(path))
            self.problems.extend(found)
            return None

    def _claim(self, document: StepDocument) -> None:
        id_ = getattr(document, "id", None)
        if id_ and id_ in self._found.ids:
            self.problem("PB306", f'the id "{id_}" is used twice', "id", hint="ids are unique in a playbook")

    def _remember(self, document: StepDocument) -> None:
        """Later steps may read this one's results."""
        id_ = getattr(document, "id", None)
        if not id_:
            return
        kind = next(kind for kind, model in DOCUMENTS.items() if isinstance(document, model))
        self._found.ids[id_] = kind
        options: tuple[str, ...] = ()
        match document:
            case TaskDocument():
                options = (*document.task.outcomes, "expired", "skipped", "failed")
            case EmailDocument():
                options = (*MAIL_OUTCOMES, "failed")
                for event in MAIL_EVENTS:
                    name = f"email.{id_}.{event.removeprefix('email.')}"
                    self._found.results[name] = Field(name=name, type="bool")
            case WaitForDocument():
                options = ("came", "timed_out")
            case _:
                return
        name = f"{kind}.{id_}.outcome"
        self._found.results[name] = Field(name=name, type="choice", options=options)


def names_for_texts(workspace: Workspace) -> tuple[str, ...]:
    """What the mails and task titles of a workspace's playbooks may name."""
    return known_names(workspace.catalogue().fields, workspace.roles.contacts, workspace.roles.staff)


def _value(data: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
