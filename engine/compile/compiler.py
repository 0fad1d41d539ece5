"""Compiles one document: the playbook's own parts, and its steps one after the other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from engine.compile.expressions import Expressions
from engine.documents.document import Document
from engine.durations import parse_duration
from engine.expressions import Expression
from engine.expressions.answers import answers_without
from engine.plan import Compiled, Entry, Exit, Goal, Plan, Rate
from engine.playbook import PlaybookDocument
from engine.problems import Spot
from engine.reach import documents_in
from engine.steps import DOCUMENTS, Step, StepDocument
from engine.steps.base import Body, Sure, ends
from engine.texts.document import MailText
from engine.texts.names import known_names
from engine.triggers import Trigger, TriggerDocument
from engine.triggers.base import Edge, Moment, Schedule, identity
from engine.triggers.coming import anchor_of
from engine.turns.endings import Outcome
from engine.values import Condition
from engine.workspace import Workspace

_KIND_OF = {document: kind for kind, document in DOCUMENTS.items()}
_MOST_ROUNDS = 1000
"""Of repeats within repeats, together."""
_OUTSIDE = 'coalesce(account.lifecycle, "live") not in ["churned", "trial_ended"]'
"""Outside every audience that does not speak of the lifecycle itself."""


class Compiler(Expressions):
    """Steps and triggers see it through the protocols of their base files, at their own path."""

    def __init__(
        self, document: Document, workspace: Workspace, texts: Mapping[str, MailText], today: date | None = None
    ) -> None:
        super().__init__(document, workspace, texts, today)
        self._ids: dict[str, None] = {}
        self._enrolls: list[tuple[str, Spot]] = []
        self._rounds = 1
        self._names = names_for_texts(workspace)
        self.sure: tuple[str, ...] = ()
        """What texts may show without asking: what an account does not start without."""

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
        self.sure = (*self._given, *_crossed(triggers))
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
            texts=tuple(self._used),
            listens=tuple(self._listens),
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
        return self._enrolls

    def enrolls(self, playbook: str, *at: str | int) -> None:
        self._enrolls.append((playbook, self._document.spot((*self._path, *at))))

    def earlier(self, kind: str, step: str, *at: str | int) -> bool:
        if self._reach.steps.get(step) == kind:
            return True
        known = tuple(id_ for id_, its in self._reach.steps.items() if its == kind)
        self.unknown(f"earlier {kind} step", step, known, *at, code="PB307")
        return False

    def duration(self, text: str, *at: str | int) -> str | None:
        try:
            return str(parse_duration(text))
        except ValueError as error:
            self.problem("PB322", str(error), *at)
            return None

    def line(self, text: str, *at: str | int) -> str | None:
        from engine.texts.syntax import check_template
        from engine.texts.unsure import unsure

        path = (*self._path, *at)
        found = check_template(text, self._names, lambda offset: self._document.within(path, offset), line=True)
        self.problems.extend(found)
        if not found:
            self.problems.extend(
                unsure(text, lambda offset: self._document.within(path, offset), self.sure, mail=False)
            )
        return None if found else text

    def _claim(self, document: StepDocument) -> None:
        id_ = getattr(document, "id", None)
        if id_ and id_ in self._ids:
            self.problem("PB306", f'the id "{id_}" is used twice', "id", hint="ids are unique in a playbook")

    def _remember(self, document: StepDocument) -> None:
        """Later steps may read this one's results."""
        id_ = getattr(document, "id", None)
        if not id_:
            return
        self._ids[id_] = None
        name = _name(document)
        self._reach.remember(*name, self._leaves[name], answered=document.answered())


def names_for_texts(workspace: Workspace) -> tuple[str, ...]:
    """What the mails and task titles of a workspace's playbooks may name."""
    return known_names(workspace.catalogue().fields, workspace.roles.contacts, workspace.roles.staff)


def _name(document: StepDocument) -> tuple[str, str]:
    """Of a step with an id: its kind and id."""
    return _KIND_OF[type(document)], document.id  # type: ignore[attr-defined]


def _open_tasks(withdrawn_on: tuple[Outcome, ...]) -> Any:
    """In the plan's own short words, where there are some."""
    words: dict[tuple[Outcome, ...], str] = {("goal", "exit", "stop"): "withdraw", (): "leave"}
    return words.get(withdrawn_on, withdrawn_on)


def _needed(audience: Expression | None, key: str | None) -> tuple[str, ...]:
    """The fields that must be known for an account to start."""
    fields = () if audience is None else tuple(audience.reads)
    needed = [name for name in fields if audience and True not in answers_without(audience, name)]
    return (*needed, *([key] if key else []))


def _crossed(triggers: Sequence[Trigger]) -> Iterator[str]:
    """What triggers read: it was known when one of them fired, though another may have started the run."""
    for trigger in triggers:
        if isinstance(trigger, Edge):
            yield from trigger.trips.expression.reads
        elif isinstance(trigger, Moment | Schedule) and (field := anchor_of(trigger)[0]) is not None:
            yield field


_PERCENT = re.compile(r"\s*(\d{1,2}(?:\.\d{1,3})?)\s*%\s*", re.ASCII)


def _rate(text: str) -> Rate | None:
    match = re.fullmatch(r"\s*(\d{1,9})\s+per\s+(hour|day|week)\s*", text, re.ASCII)
    return Rate.model_validate({"most": int(match[1]), "per": match[2]}) if match and int(match[1]) else None


def _percent(text: str) -> float | None:
    found = _PERCENT.fullmatch(text)
    return float(found[1]) if found and float(found[1]) <= 50 else None
