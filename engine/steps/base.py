"""What every step is: a document an author writes, a compiled value in the plan, and a walk."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

from engine.expressions import Expression
from engine.values import Value
from engine.walk import Walk


class Step(Value):
    """Base of the compiled steps; `kind` names the file that holds it, `id` is the author's or empty."""

    kind: str
    id: str = ""

    async def walk(self, walk: Walk, at: str) -> None:
        """Carry the step out at its path. Mark with `walk.once`, note only beside a mark."""
        raise NotImplementedError


def _decode(steps: Any) -> Any:
    from engine.steps import KINDS

    return tuple(step if isinstance(step, Step) else KINDS[step["kind"]].model_validate(step) for step in steps)


StepSequence = Annotated[tuple[SerializeAsAny[Step], ...], BeforeValidator(_decode)]


class ActingStep(Step):
    """Base of steps with an effect outside."""

    on_error: Literal["fail", "continue"] | StepSequence = "fail"
    """fail: the run waits in the error queue; continue: go on; steps: do these, then go on."""


class StepCompiler(Protocol):
    """What a document needs in order to compile itself; problems are collected at the place they are found."""

    def condition(self, text: str, *at: str | int) -> Expression | None:
        """A checked boolean expression over facts and results of earlier steps; None when a problem was noted."""
        ...

    def facts_condition(self, text: str, *at: str | int) -> Expression | None:
        """The same over facts alone, since the sweep evaluates it."""
        ...

    def expression(self, text: str, types: tuple[str, ...], *at: str | int) -> Expression | None: ...
    def duration(self, text: str, *at: str | int) -> str | None: ...
    def line(self, text: str, *at: str | int) -> str | None:
        """A one-line template, checked."""
        ...

    def text(self, name: str, *at: str | int) -> str | None:
        """The hash of a mail text of this playbook."""
        ...

    def staff_role(self, name: str, *at: str | int) -> str | None: ...
    def contact_role(self, name: str, *at: str | int) -> str | None: ...
    def settable_field(self, name: str, *at: str | int) -> str | None: ...
    def steps(self, documents: Sequence["StepDocument"], *at: str | int) -> tuple[Step, ...]: ...
    def problem(self, code: str, message: str, *at: str | int, hint: str = "") -> None: ...
    def unknown(self, what: str, word: str, known: Sequence[str], *at: str | int) -> None: ...
    def earlier(self, kind: str, step: str, *at: str | int) -> bool:
        """Whether a step of this kind and id comes before; a problem when it does not."""
        ...

    def listen(self, event: str) -> None:
        """The run wants to be told of this mail event."""
        ...


class StepDocument(BaseModel):
    """Base of what an author writes as a step: a mapping whose key tells the kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def compile(self, with_: StepCompiler) -> Step | None:
        """The compiled step; None when a problem was noted."""
        raise NotImplementedError


if TYPE_CHECKING:
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
        return with_.steps(self.on_error, "on_error")


class Quietly:
    """How a step's side acts are performed: withdrawing or reminding must not stop the run."""

    on_error: Literal["continue"] = "continue"

    def __init__(self, step: str) -> None:
        self.id = step
