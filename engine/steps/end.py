"""The step that ends the run here, with a reason."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.position import Ending
from engine.steps.base import Step, StepCompiler, StepDocument
from engine.walk import Walk


class EndStep(Step):
    """Ends the whole run, also out of a branch."""

    kind: Literal["end"] = "end"
    reason: str

    async def walk(self, walk: Walk, at: str) -> None:
        walk.position.ending = walk.position.ending or Ending(outcome="end", reason=self.reason)
        await walk.until(f"{at}/over", None, lambda: False, "over")


class EndBody(BaseModel):
    """Why it ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(min_length=1, max_length=200)


class EndDocument(StepDocument):
    """End the run here."""

    end: EndBody

    def compile(self, _with: StepCompiler) -> EndStep:
        return EndStep(reason=self.end.reason)
