"""The step that does several things side by side: until all are done, or until the first is and the others are cut."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from engine.blocks import Together
from engine.steps.base import Quietly, Step, StepCompiler, StepDocument, StepSequence
from engine.walk import Walk

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument


class ParallelStep(Step):
    """With `any`, the losers' open tasks are withdrawn."""

    kind: Literal["parallel"] = "parallel"
    branches: tuple[StepSequence, ...]
    join: Literal["all", "any"] = "all"

    async def walk(self, walk: Walk, at: str) -> None:
        won = walk.position.marks.get(f"{at}/won")
        if won is None:
            walks = [self._branch(walk, at, i) for i in range(len(self.branches))]
            won = await Together(walks, first=self.join == "any")
            if self.join == "all":
                return
            walk.once(f"{at}/won", lambda: won)
            walk.note(at, "won", branch=won)
            for i in range(len(self.branches)):
                walk.forget(f"{at}.branches[{i}]")
                walk.position.marks.pop(f"{at}.branches[{i}]", None)
        losers = [step for step, path in walk.position.open_tasks.items() if self._lost(path, at, won)]
        losers = walk.once(f"{at}/losers", lambda: losers)
        if losers:
            await walk.act(Quietly(""), at, "withdraw", {"steps": losers})
            for step in losers:
                walk.position.open_tasks.pop(step, None)

    async def _branch(self, walk: Walk, at: str, i: int) -> None:
        done = f"{at}/done{i}"
        if done not in walk.position.marks:
            await walk.sequence(self.branches[i], f"{at}.branches[{i}]")
            walk.once(done, lambda: True)

    def _lost(self, path: str, at: str, won: int) -> bool:
        return path.startswith(f"{at}.branches[") and not path.startswith(f"{at}.branches[{won}]")


class ParallelDocument(StepDocument):
    """Do several things side by side."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    parallel: "list[list[AnyStepDocument]]" = Field(min_length=2, max_length=10, description="the branches")
    join: Literal["all", "any"] = Field("all", description="any: the first to finish wins, the others are cut")

    def compile(self, with_: StepCompiler) -> ParallelStep:
        branches = tuple(with_.steps(branch, "parallel", i) for i, branch in enumerate(self.parallel))
        return ParallelStep(id=self.id or "", branches=branches, join=self.join)
