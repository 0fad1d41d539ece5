"""Turns a playbook's document into its compiled version, finding every problem on the way.

Knows the workspace, the playbook's mail texts and the playbook's own file; not where they came from.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from engine.catalogue import Field
from engine.document import Document, empty_keys, load_document, read_leniently
from engine.durations import parse_duration
from engine.endings import Outcome
from engine.expressions import Expression, ExpressionError, Scope, parse_expression
from engine.expressions.answers import answers, answers_without, value_on
from engine.expressions.tree import FieldValue
from engine.expressions.tree import walk as walk_tree
from engine.mail_policy import TRANSACTIONAL
from engine.plan import Compiled, Entry, Exit, Goal, Plan, Rate
from engine.playbook import PlaybookDocument
from engine.problems import DocumentError, Problem, Spot, did_you_mean
from engine.reach import Reach, documents_in
from engine.steps import DOCUMENTS, Step, StepDocument
from engine.steps.base import Body, Sure, ends
from engine.texts.document import MailText
from engine.texts.names import known_names
from engine.triggers import Trigger, TriggerDocument
from engine.triggers.base import identity
from engine.values import Condition
from engine.workspace import Workspace

_KIND_OF = {document: kind for kind, document in DOCUMENTS.items()}
_MOST_ROUNDS = 1000
"""Of repeats within repeats, together."""
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
    enrolls: tuple[tuple[str, Spot], ...] = ()
    """The playbooks that its steps start, and where."""


def compile_playbook(
    source: bytes,
    file: str,
    folder: str,
    texts: Mapping[str, MailText],
    workspace: Workspace,
    *,
    today: date | None = None,
) -> Compilation:
    """Compile one playbook.yaml; `folder` is the name of its folder, `texts` its mails by name. With `today`, fixed
    dates that have passed are warned of. Never raises."""
    try:
        document = load_document(source, file)
    except DocumentError as error:
        return Compilation(compiled=None, texts={}, problems=error.problems)
    playbook, document, problems = read_leniently(PlaybookDocument, document, _spare)
    if playbook is None:
        return Compilation(compiled=None, texts={}, problems=problems)
    compiler = Compiler(document, workspace, texts, today)
    compiler.problems += (*problems, *(one for one in empty_keys(document) if ".body." not in one.spot.path))
    compiled = compiler.compile(playbook)
    compiler.problems = [*_but_within(compiler.problems, problems)]
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
        enrolls=tuple(compiler.enrolls_of()),
    )


@dataclass
class _Found:
    """What the steps so far have said about each other."""

    ids: dict[str, None] = field(default_factory=dict)
    listens: dict[str, None] = field(default_factory=dict)
    enrolls: list[tuple[str, Spot]] = field(default_factory=list)
    texts: dict[str, None] = field(default_factory=dict)


class Compiler:
    """Compiles one document. Steps and triggers see it through the protocols of their base files, at their own path."""

    def __init__(
        self, document: Document, workspace: Workspace, texts: Mapping[str, MailText], today: date | None = None
    ) -> None:
        self.problems: list[Problem] = []
        self._today = today
        self._document, self._workspace, self._texts = document, workspace, texts
        self._path: tuple[str | int, ...] = ()
        self._found = _Found()
        self._reach = Reach()
        self._leaves: dict[tuple[str, str], tuple[Field, ...]] = {}
        """The results of all steps with an id, wherever they stand, by kind and id."""
        self._given: tuple[str, ...] = ()
        """Fields without which an account does not start, so that nobody needs to be warned of them."""
        self._rounds = 1
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
        self._given = _needed(audience, playbook.entry.key)
        named = (one for one in documents_in(playbook.steps) if getattr(one, "id", None))
        self._leaves = {_name(one): one.results() for one in named}
        steps = self.steps(playbook.steps, "steps")
        if audience is None or max_age is None or any(problem.severity == "error" for problem in self.problems):
            return None
        plan = Plan(
            playbook=playbook.playbook,
            steps=steps,
            goal=goal,
            exits=tuple(exits),
            open_tasks=_open_tasks(playbook.on_end.withdraws_on()),
            max_age=max_age,
            pause=playbook.pause,
            texts=tuple(self._found.texts),
            listens=tuple(self._found.listens),
        )
        return Compiled(
            playbook=playbook.playbook,
            title=playbook.title,
            owner=playbook.owner,
            priority=playbook.priority,
            unknown_mail=playbook.unknown_mail,
            audience=Condition.of(audience),
            triggers=triggers,
            entry=entry,
            plan=plan,
        )

    # --- the playbook's own parts ---

    def _audience(self, text: str | None) -> Expression | None:
        if text is None:
            return self._checked(_OUTSIDE, "bool")
        audience = self.facts_condition(text, "audience")
        if audience is None or "account.lifecycle" in audience.reads:
            return audience
        return self._checked(f"({audience.text}) and {_OUTSIDE}", "bool")

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
        share: float | None = None
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
            if entry.already_running == "queue" and entry.held == "drop":
                message = "a crossing that queues is held, and `held: drop` drops it"
                self.problem("PB325", message, "held", hint="leave `held` out, or write `already_running: skip`")
            if entry.holdout is not None and (share := _percent(entry.holdout)) is None:
                self.problem("PB325", f'"{entry.holdout}" is no share to hold out', "holdout", hint="from 0% to 50%")
            rate = _rate(entry.at_most) if entry.at_most else None
            if entry.at_most is not None and rate is None:
                self.problem("PB325", f'"{entry.at_most}" is no rate', "at_most", hint="such as 50 per day")
        told = entry.model_dump(exclude={"at_most"})
        return Entry(**{**told, "again_after": again, "term": term, "holdout": share or 0.0, "rate": rate})

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
                if steps and steps[-1].ends():
                    before = "an `end` stands" if steps[-1].kind == "end" else "every way ends in the step"
                    self.problem("PB308", "this step can never be reached", hint=f"{before} before it")
                self._claim(document)
                step = document.compile(self)
                # A broken step is remembered as well, or whoever reads its results would be told that it is missing.
                self._remember(document)
                if step is not None:
                    steps.append(step)
        return tuple(steps)

    def branches(self, *bodies: Body, sure: Sure) -> tuple[tuple[Step, ...], ...]:
        before, behind, compiled = self._reach, [], []
        for documents, at in bodies:
            self._reach = before.copy()
            steps = self.steps(documents, *at)
            compiled.append(steps)
            behind.append((self._reach, ends(steps)))
        self._reach = before.after(behind, sure)
        return tuple(compiled)

    def rounds(self, at_most: int, body: Body, *, sure: Sure) -> tuple[Step, ...]:
        outside, self._rounds = self._rounds, self._rounds * at_most
        if outside <= _MOST_ROUNDS < self._rounds:
            message = f"these repeats within each other come to {self._rounds} rounds"
            self.problem("PB364", message, "repeat", "at_most", hint=f"at most {_MOST_ROUNDS} together")
        (steps,) = self.branches(body, sure=sure)
        self._rounds = outside
        return steps

    def enrolls_of(self) -> Sequence[tuple[str, Spot]]:
        return self._found.enrolls

    def enrolls(self, playbook: str, *at: str | int) -> None:
        self._found.enrolls.append((playbook, self._document.spot((*self._path, *at))))

    def decision(self, text: str, *at: str | int, decided: bool) -> Expression | None:
        found = self.condition(text, *at)
        if found is None or not self._changes(found, *at) or decided:
            return found
        known = (*self._reach.sure, *self._given)
        missing = [name for name in found.reads if name not in known and None in answers_without(found, name)]
        if missing:
            hint = f"say what then with `on_unknown`, or ask whether {missing[0]} is known"
            message = f"{missing[0]} may be unknown, and this counts as not true then"
            self.problem("PB360", message, *at, hint=hint, severity="warning")
        return found

    def _changes(self, condition: Expression, *at: str | int) -> bool:
        """Not a condition that gives one answer whatever the facts are."""
        always = answers(condition)
        if len(always) > 1:
            return True
        word = "true" if always == (True,) else "false" if always == (False,) else "unknown"
        self.problem("PB361", f"this is always {word}", *at, hint="leave it out, or let it depend on something")
        return False

    def condition(self, text: str, *at: str | int) -> Expression | None:
        found = self._expression(text, "bool", self._reach.results, at)
        for name in found.reads if found else ():
            kind, _, rest = name.partition(".")
            if kind == "email" and not rest.endswith(".outcome"):
                self.listen(f"email.{rest.rpartition('.')[2]}")
        seen = {name.rpartition(".")[2] for name in found.reads if name.startswith("email.")} if found else set()
        if "opened" in seen and not seen & {"clicked", "replied"}:
            self.only_an_open(*at)
        return found

    def only_an_open(self, *at: str | int) -> None:
        message = "an open alone decides: programs that guard privacy open mails which nobody reads"
        self.problem("PB368", message, *at, hint="ask for a click, a reply or an answer", severity="warning")

    def row_condition(self, text: str, source: str, *at: str | int) -> Expression | None:
        return self._expression(text, "bool", {}, at, inside=source)

    def coming(self, day: str, *at: str | int) -> Expression | None:
        found = self._facts(f"today >= ({day})", *at)
        if found is not None and len(always := answers(found)) == 1:
            word = "is over before it begins" if always == (True,) else "never ends: its date moves along with today"
            self.problem("PB363", f"this wait {word}", *at, hint="wait until a date of the account, or for days")
            return None
        if found is not None and self._today and not found.reads and value_on(found, self._today) is True:
            message = f"{day} has passed: this wait is over before it begins"
            self.problem("PB363", message, *at, hint="wait until a date of the account", severity="warning")
        return found

    def facts_condition(self, text: str, *at: str | int) -> Expression | None:
        found = self._facts(text, *at)
        return found if found is None or self._changes(found, *at) else None

    def _facts(self, text: str, *at: str | int) -> Expression | None:
        found = self._expression(text, "bool", self._reach.results if self._path[:1] == ("steps",) else {}, at)
        results = [name for name in found.reads if name in self._reach.results] if found else []
        if results:
            message = f"{results[0]} is a result of this run; here only facts of the account can be awaited"
            self.problem("PB319", message, *at, hint="decide on results with `if`, or wait for an event")
            return None
        return found

    def expression(self, text: str, types: tuple[str, ...], *at: str | int) -> Expression | None:
        found = self._expression(text, None, self._reach.results, at)
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
        from engine.texts.syntax import check_template

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

    def is_transactional(self, name: str) -> bool:
        text = self._texts.get(name)
        return text is not None and text.category == TRANSACTIONAL

    def translations(self, name: str, *at: str | int) -> dict[str, str]:
        own, *others = self._workspace.locales or ("",)
        found = {locale: text.hash for locale in others if (text := self._texts.get(f"{name}.{locale}"))}
        self._found.texts |= dict.fromkeys(found.values())
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

    def earlier(self, kind: str, step: str, *at: str | int) -> bool:
        if self._reach.steps.get(step) == kind:
            return True
        known = tuple(id_ for id_, its in self._reach.steps.items() if its == kind)
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

    # --- problems ---

    def problem(
        self, code: str, message: str, *at: str | int, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> None:
        spot = self._document.spot((*self._path, *at))
        self.problems.append(Problem(code=code, spot=spot, message=message, hint=hint, severity=severity))

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

    def _checked(
        self, text: str, want: Literal["bool"] | None, results: Mapping[str, Field] | None = None, inside: str = ""
    ) -> Expression:
        """As `parse_expression`, but what reads facts alone is checked once for all playbooks of the workspace."""
        known, key = self._workspace.checked, (text, want, inside)
        if key in known:
            return known[key]
        scope = Scope(catalogue=self._catalogue, extra=results or {}, aggregates=True)
        found = parse_expression(text, scope, want=want, inside=inside)
        if not results or results.keys().isdisjoint(found.reads):
            known[key] = found
        return found

    def _expression(
        self,
        text: str,
        want: Literal["bool"] | None,
        results: Mapping[str, Field],
        at: tuple[str | int, ...],
        inside: str = "",
    ) -> Expression | None:
        path = (*self._path, *at)
        try:
            found = self._checked(text, want, results, inside)
        except ExpressionError as error:
            written = _value(self._document.data, path) == text
            wrong = error.in_document(self._document, path) if written else error.at(self._document.spot(path))
            self.problems.extend(self._too_early(problem) for problem in wrong)
            return None
        # The store works aggregates out, and knows nothing of what this run has done.
        for node in (part for aggregate in found.aggregates for part in walk_tree(aggregate)):
            if isinstance(node, FieldValue) and node.name in results:
                message = f"{node.name} is a result of this run, and rows can only be asked about facts"
                self.problem("PB319", message, *at, hint="compare the result outside the brackets")
                return None
        return found

    def _too_early(self, problem: Problem) -> Problem:
        """An unknown name that is the result of a step which cannot have run yet."""
        names = (result.name for results in self._leaves.values() for result in results)
        named = next((name for name in names if f'"{name}"' in problem.message), None)
        if problem.code != "PB202" or named is None:
            return problem
        step = named.split(".")[1]
        message = f"{named} is read where the step {step} cannot have run"
        hint = "read it after that step, and not in another branch beside it"
        return replace(problem, code="PB362", message=message, hint=hint)

    def _claim(self, document: StepDocument) -> None:
        id_ = getattr(document, "id", None)
        if id_ and id_ in self._found.ids:
            self.problem("PB306", f'the id "{id_}" is used twice', "id", hint="ids are unique in a playbook")

    def _remember(self, document: StepDocument) -> None:
        """Later steps may read this one's results."""
        id_ = getattr(document, "id", None)
        if not id_:
            return
        self._found.ids[id_] = None
        name = _name(document)
        self._reach.remember(*name, self._leaves[name], answered=document.answered())


def _name(document: StepDocument) -> tuple[str, str]:
    """Of a step with an id: its kind and id."""
    return _KIND_OF[type(document)], document.id  # type: ignore[attr-defined]


def _spare(path: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Any]:
    """What of a playbook to leave out for a look at the rest: a trigger or exit stands for nothing else, the goal is
    whole or nothing, and of steps and the rest the key itself, if it need not be there."""
    match path:
        case ("triggers", int(), *_):
            return path[:2], {"id": f"left_out_{path[1]}", "manual": True}
        case ("exit", int(), *_):
            return path[:2], {"when": "account.name is known", "reason": "left out"}
        case ("goal", *_):
            return path[:1], None
        # What later steps can read of this one depends on these.
        case ("steps", *_, "id" | "outcomes" | "returns" | "arm" | "kind"):
            return (), None
    return path, None


def _but_within(problems: Sequence[Problem], of_shape: Sequence[Problem]) -> Iterator[Problem]:
    """All but those that only come of what was left out: they stand beside it, or miss what the audience asks for."""
    left_out = [one.spot.path for one in of_shape if one.code != "PB101"]
    beside = tuple(path.rpartition(".")[0] or path for path in left_out)
    for one in problems:
        known = one in of_shape
        there = any(one.spot.path == path or one.spot.path.startswith((f"{path}.", f"{path}[")) for path in beside)
        if known or not (there or (left_out and one.code == "PB360")):
            yield one


def _open_tasks(withdrawn_on: tuple[Outcome, ...]) -> Any:
    """In the plan's own short words, where there are some."""
    words: dict[tuple[Outcome, ...], str] = {("goal", "exit", "stop"): "withdraw", (): "leave"}
    return words.get(withdrawn_on, withdrawn_on)


def _needed(audience: Expression | None, key: str | None) -> tuple[str, ...]:
    """The fields that must be known for an account to start."""
    fields = () if audience is None else tuple(audience.reads)
    needed = [name for name in fields if audience and True not in answers_without(audience, name)]
    return (*needed, *([key] if key else []))


def names_for_texts(workspace: Workspace) -> tuple[str, ...]:
    """What the mails and task titles of a workspace's playbooks may name."""
    return known_names(workspace.catalogue().fields, workspace.roles.contacts, workspace.roles.staff)


_PERCENT = re.compile(r"\s*(\d{1,2}(?:\.\d{1,3})?)\s*%\s*", re.ASCII)


def _rate(text: str) -> Rate | None:
    match = re.fullmatch(r"\s*(\d{1,9})\s+per\s+(hour|day|week)\s*", text, re.ASCII)
    return Rate.model_validate({"most": int(match[1]), "per": match[2]}) if match and int(match[1]) else None


def _percent(text: str) -> float | None:
    found = _PERCENT.fullmatch(text)
    return float(found[1]) if found and float(found[1]) <= 50 else None


def _value(data: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
