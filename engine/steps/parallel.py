"""The step that does several things side by side: until all are done, or until the first is and the others are cut."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.steps.base import Family, Quietly, Step, StepCompiler, StepDocument, StepSequence, Way, ends, placed

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument
    from engine.turns.walk import Walk


class ParallelStep(Step):
    """With `any`, the losers' open tasks are withdrawn, and what they have queued and not sent stays unsent."""

    family: ClassVar[Family] = "fork"
    goes: ClassVar[Literal["all ways"]] = "all ways"

    kind: Literal["parallel"] = "parallel"
    branches: tuple[StepSequence, ...]
    join: Literal["all", "any"] = "all"

    def says(self) -> str:
        return "side by side" if self.join == "all" else "side by side, until the first is done"

    def ways(self) -> tuple[Way, ...]:
        return tuple(Way(at=f"branches[{i}]", says="", steps=steps) for i, steps in enumerate(self.branches))

    async def walk(self, walk: "Walk", at: str) -> None:
        won = walk.position.marks.get(f"{at}/won")
        if won is None:
            walks = [self._branch(walk, at, i) for i in range(len(self.branches))]
            won = await walk.together(walks, first=self.join == "any")
            if self.join == "all":
                return
            walk.once(f"{at}/won", lambda: won)
            walk.note(at, "won", branch=won)
            if unsent := self._unsent(walk, at, won):
                walk.once(f"{at}/unsent", lambda: unsent)
            for i in range(len(self.branches)):
                walk.forget(f"{at}.branches[{i}]")
                walk.position.marks.pop(f"{at}.branches[{i}]", None)
        losers = [step for step, path in walk.position.open_tasks.items() if self._lost(path, at, won)]
        losers = walk.once(f"{at}/losers", lambda: losers)
        unsent = walk.position.marks.get(f"{at}/unsent", [])
        if losers or unsent:
            await walk.act(Quietly(""), at, "withdraw", {"steps": losers} | ({"unsent": unsent} if unsent else {}))
            for step in losers:
                walk.position.open_tasks.pop(step, None)

    async def _branch(self, walk: "Walk", at: str, i: int) -> None:
        done = f"{at}/done{i}"
        if done not in walk.position.marks:
            await walk.sequence(self.branches[i], f"{at}.branches[{i}]")
            walk.once(done, lambda: True)

    def _unsent(self, walk: "Walk", at: str, won: int) -> list[str]:
        """The losers' steps that have queued something which has not left yet, as far as the run knows."""
        branches = [(i, f"{at}.branches[{i}]") for i in range(len(self.branches)) if i != won]
        return [
            step.id
            for i, path in branches
            for below, step in placed(self.branches[i], path)
            if step.id and walk.is_unsettled(below)
        ]

    def ends(self) -> bool:
        if self.join == "all":
            return any(ends(branch) for branch in self.branches)
        return all(ends(branch) for branch in self.branches)

    def _lost(self, path: str, at: str, won: int) -> bool:
        return path.startswith(f"{at}.branches[") and not path.startswith(f"{at}.branches[{won}]")


class ParallelDocument(StepDocument):
    """Do several things side by side."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", description="unique in the playbook; a name for traces")
    parallel: "list[list[AnyStepDocument]]" = Field(min_length=2, max_length=10, description="the branches")
    join: Literal["all", "any"] = Field("all", description="any: the first to finish wins, the others are cut")

    def compile(self, with_: StepCompiler) -> ParallelStep:
        bodies = [(branch, ("parallel", i)) for i, branch in enumerate(self.parallel)]
        branches = with_.branches(*bodies, sure="all" if self.join == "all" else "every")
        return ParallelStep(id=self.id or "", branches=branches, join=self.join)
