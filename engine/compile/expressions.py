"""Reads the expressions of a playbook where they stand: their types and names, what earlier steps have left to read,
and whether they say anything."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from engine.catalogue import Field
from engine.compile.declared import Declared
from engine.documents.document import Document
from engine.expressions import Expression, ExpressionError, Scope, parse_expression
from engine.expressions.answers import answers, answers_without, value_on
from engine.expressions.mixing import mixed_at
from engine.expressions.tree import FieldValue, walk
from engine.problems import Problem
from engine.reach import Reach
from engine.texts.document import MailText
from engine.workspace import Workspace


class Expressions(Declared):
    """Knows at every place which results of earlier steps there are."""

    def __init__(
        self, document: Document, workspace: Workspace, texts: Mapping[str, MailText], today: date | None
    ) -> None:
        super().__init__(document, workspace, texts)
        self._today = today
        self._reach = Reach()
        self._leaves: dict[tuple[str, str], tuple[Field, ...]] = {}
        """The results of all steps with an id, wherever they stand, by kind and id."""
        self._given: tuple[str, ...] = ()
        """Fields without which an account does not start, so that nobody needs to be warned of them."""
        self._listens: dict[str, None] = {}
        """The events by which a run is woken."""

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

    def expression(self, text: str, types: tuple[str, ...], *at: str | int) -> Expression | None:
        found = self._expression(text, None, self._reach.results, at)
        if found is not None and found.type not in types:
            self.problem("PB207", f"this gives a {found.type}; needed is a {' or '.join(types)}", *at)
            return None
        return found

    def listen(self, event: str) -> None:
        self._listens[event] = None

    def _changes(self, condition: Expression, *at: str | int) -> bool:
        """Not a condition that gives one answer whatever the facts are."""
        always = answers(condition)
        if len(always) > 1:
            return True
        word = "true" if always == (True,) else "false" if always == (False,) else "unknown"
        self.problem("PB361", f"this is always {word}", *at, hint="leave it out, or let it depend on something")
        return False

    def _facts(self, text: str, *at: str | int) -> Expression | None:
        found = self._expression(text, "bool", self._reach.results if self._path[:1] == ("steps",) else {}, at)
        results = [name for name in found.reads if name in self._reach.results] if found else []
        if results:
            message = f"{results[0]} is a result of this run; here only facts of the account can be awaited"
            self.problem("PB319", message, *at, hint="decide on results with `if`, or wait for an event")
            return None
        return found

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
        if (column := mixed_at(text)) is not None and _value(self._document.data, path) == text:
            message = "`and` beside `or`: what `and` joins is taken together first"
            hint = "put what belongs together into parentheses"
            spot = self._document.within(path, column)
            self.problems.append(Problem(code="PB369", spot=spot, message=message, hint=hint, severity="warning"))
        # The store works aggregates out, and knows nothing of what this run has done.
        for node in (part for aggregate in found.aggregates for part in walk(aggregate)):
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


def _value(data: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
