"""The step that ends the run here, with a reason."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.documents.shape import Shape
from engine.steps.base import Family, Step, StepCompiler, StepDocument

if TYPE_CHECKING:
    from engine.turns.walk import Walk


class EndStep(Step):
    """Ends the whole run, also out of a branch."""

    family: ClassVar[Family] = "end"

    kind: Literal["end"] = "end"
    reason: str

    def says(self) -> str:
        return f"End: {self.reason}"

    def ends(self) -> bool:
        return True

    async def walk(self, walk: "Walk", at: str) -> None:
        walk.end(self.reason)
        await walk.until(f"{at}/over", None, lambda: False, "over")


class EndBody(Shape):
    """Why it ends."""

    reason: str = Field(min_length=1, max_length=200, description="why, as the run's trace tells it")


class EndDocument(StepDocument):
    """End the run here."""

    end: EndBody = Field(description="ends the whole run, also out of a branch")

    def compile(self, _with: StepCompiler) -> EndStep:
        return EndStep(reason=self.end.reason)
