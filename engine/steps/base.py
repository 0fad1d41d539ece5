"""What every step is: a document an author writes, a compiled value in the plan, and a walk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BeforeValidator, Field, SerializeAsAny

from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.expressions import Expression
from engine.values import Value

Family = Literal["message", "work", "change", "wait", "choice", "fork", "loop", "other_playbook", "end"]
"""What a step is to the eye: pictures give each family a shape and a sign of its own."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way on from a step, for pictures and for counting what tests have walked."""

    at: str
    """Where its steps are, below the step's own path: `then`, `branches[0]`. `walk.sequence` gets the same name."""
    says: str
    """When it is taken, in few words, such as `reached` or `too late`."""
    steps: "tuple[Step, ...]"


class Step(Value):
    """Base of the compiled steps; `kind` names the file that holds it, `id` is the author's or empty."""

    family: ClassVar[Family] = "change"
    goes: ClassVar[Literal["one way", "all ways", "round"]] = "one way"
    """Which of its ways a run takes: one of them, all side by side, or its only one again and again."""

    kind: str
    id: str = ""

    def says(self) -> str:
        """What it does in one line, for people; templates and expressions as the author wrote them."""
        return self.kind

    def notes(self) -> tuple[str, ...]:
        """What else is worth seeing at a glance, a few words each: whom it goes to, when it is due."""
        return ()

    def ways(self) -> tuple[Way, ...]:
        """How it may go on before the next step; empty for a step that just does something."""
        return ()

    def ends(self) -> bool:
        """Whether a run that comes here never comes to the next step."""
        return False

    async def walk(self, walk: "Walk", at: str) -> None:
        """Carry the step out at its path. Mark with `walk.once`, note only beside a mark."""
        raise NotImplementedError


def ends(steps: "Sequence[Step]") -> bool:
    """Whether a run never comes to the end of these steps."""
    return any(step.ends() for step in steps)


def placed(steps: "Sequence[Step]", at: str) -> "Iterator[tuple[str, Step]]":
    """Every step at any depth, with its path, in written order."""
    for i, step in enumerate(steps):
        path = f"{at}[{i}]"
        yield path, step
        for way in step.ways():
            yield from placed(way.steps, f"{path}.{way.at}")


def _decode(steps: Any) -> Any:
    from engine.steps import KINDS

    return tuple(step if isinstance(step, Step) else KINDS[step["kind"]].model_validate(step) for step in steps)


StepSequence = Annotated[tuple[SerializeAsAny[Step], ...], BeforeValidator(_decode)]


class ActingStep(Step):
    """Base of steps with an effect outside."""

    on_error: Literal["fail", "continue"] | StepSequence = "fail"
    """fail: the run waits in the error queue; continue: go on; steps: do these, then go on."""

    def ways(self) -> tuple[Way, ...]:
        if isinstance(self.on_error, str):
            return ()
        return (Way(at="on_error", says="if it fails", steps=self.on_error),)

    def answers(self) -> tuple[str, ...]:
        """The outcomes that people can bring about, for scenarios to choose from."""
        return ()


Sure = Literal["every", "all", "none"]
"""Which results are there for sure after branches: those that `every` branch leaves (one of them is taken), those of
`all` together (all are walked), or `none` (maybe none is taken)."""

Body = tuple["Sequence[StepDocument]", tuple[str | int, ...]]
"""The steps of one branch, and where they are below the step that is compiled."""


class StepCompiler(Protocol):
    """What a document needs in order to compile itself; problems are collected at the place they are found."""

    def condition(self, text: str, *at: str | int) -> Expression | None:
        """A checked boolean expression over facts and results of earlier steps; None when a problem was noted."""
        ...

    def facts_condition(self, text: str, *at: str | int) -> Expression | None:
        """The same over facts alone, since the sweep evaluates it."""
        ...

    def coming(self, day: str, *at: str | int) -> Expression | None:
        """What is true once a date has come; a problem for a date that has passed for everybody, or never comes."""
        ...

    def events(self) -> Sequence[str]:
        """The types of events that the workspace declares."""
        ...

    def row_condition(self, text: str, source: str, *at: str | int) -> Expression | None:
        """A condition that is asked of single rows of a source, such as event.login, and of the account."""
        ...

    def expression(self, text: str, types: tuple[str, ...], *at: str | int) -> Expression | None: ...
    def duration(self, text: str, *at: str | int) -> str | None: ...
    def line(self, text: str, *at: str | int) -> str | None:
        """A one-line template, checked."""
        ...

    def text(self, name: str, *at: str | int) -> str | None:
        """The hash of a mail text of this playbook."""
        ...

    def topic(self, name: str) -> str | None:
        """What consent a mail text asks for; None for what its recipient has ordered."""
        ...

    def translations(self, name: str, *at: str | int) -> dict[str, str]:
        """The hashes of that text's translations, by locale; what is missing is a warning."""
        ...

    def connector(self, kind: str, name: str, *at: str | int) -> bool:
        """Whether the workspace declares a connector of this kind and name; a problem when it does not."""
        ...

    def staff_role(self, name: str, *at: str | int) -> str | None: ...
    def contact_role(self, name: str, *at: str | int) -> str | None: ...
    def settable_field(self, name: str, *at: str | int) -> str | None: ...
    def options(self, field: str) -> tuple[str, ...]:
        """The words of a choice; empty where they are not known."""
        ...

    def steps(self, documents: Sequence["StepDocument"], *at: str | int) -> tuple[Step, ...]: ...
    def branches(self, *bodies: "Body", sure: Sure) -> "tuple[tuple[Step, ...], ...]":
        """Steps of which a run takes some: no branch sees the results of another, and what comes later sees all."""
        ...

    def rounds(self, at_most: int, body: "Body", *, sure: Sure) -> "tuple[Step, ...]":
        """Steps that are walked again and again, as `branches`; a problem where too many are within each other."""
        ...

    def decision(self, text: str, *at: str | int, decided: bool) -> Expression | None:
        """As `condition`, for a choice between branches: not one that never changes, and with a warning where it may
        be unknown, unless it is `decided` what then."""
        ...

    def enrolls(self, playbook: str, *at: str | int) -> None:
        """The run may start another playbook; the project looks at whether that can be."""
        ...

    def problem(self, code: str, message: str, *at: str | int, hint: str = "") -> None: ...
    def unknown(self, what: str, word: str, known: Sequence[str], *at: str | int) -> None: ...
    def earlier(self, kind: str, step: str, *at: str | int) -> bool:
        """Whether a step of this kind and id comes before; a problem when it does not."""
        ...

    def listen(self, event: str) -> None:
        """The run wants to be told of this mail event."""
        ...

    def only_an_open(self, *at: str | int) -> None:
        """A warning: nothing but an open tells how it goes on."""
        ...


class StepDocument(Shape):
    """Base of what an author writes as a step: a mapping whose key tells the kind."""

    def results(self) -> tuple[Result, ...]:
        """What later steps and conditions may read of it, by full name."""
        return ()

    def answered(self) -> bool:
        """Whether its outcome is known as soon as the run goes on."""
        return True

    def compile(self, with_: StepCompiler) -> Step | None:
        """The compiled step; None when a problem was noted."""
        raise NotImplementedError


if TYPE_CHECKING:
    from engine.turns.walk import Walk

    AnyStepDocument = StepDocument
    """Any of the documents in the table of engine.steps, which completes the models that hold steps."""


class ActingDocument(StepDocument):
    """Base of acting steps: they need an id, under which later steps read their results."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="unique in the playbook and stable over edits")
    on_error: "Literal['fail', 'continue'] | list[AnyStepDocument]" = Field(
        "fail", description="what to do when it fails for good: fail, continue, or steps to take instead"
    )

    def failure(self, with_: StepCompiler) -> Literal["fail", "continue"] | tuple[Step, ...]:
        if isinstance(self.on_error, str):
            return self.on_error
        return with_.branches((self.on_error, ("on_error",)), sure="none")[0]


class Quietly:
    """How a step's side acts are performed: withdrawing or reminding must not stop the run."""

    on_error: Literal["continue"] = "continue"

    def __init__(self, step: str) -> None:
        self.id = step
