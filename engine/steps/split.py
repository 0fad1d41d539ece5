"""The step of experiments: draws one of several arms for an account, by its weight, always the same one."""

import hashlib
import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.steps.base import Family, Step, StepCompiler, StepDocument, StepSequence, Way, ends
from engine.values import Value

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument
    from engine.turns.walk import Walk

_HEAVIEST = 1_000_000


class Arm(Value):
    """One way to go, and its share among all."""

    arm: str
    weight: float
    steps: StepSequence = ()


class SplitStep(Step):
    """What is drawn depends on the account, the playbook, the step's id and the arms' names and weights alone."""

    family: ClassVar[Family] = "choice"

    kind: Literal["split"] = "split"
    arms: tuple[Arm, ...]

    def says(self) -> str:
        return "one arm by lot"

    def notes(self) -> tuple[str, ...]:
        return (" / ".join(f"{one.arm} {one.weight:g}" for one in self.arms),)

    def ways(self) -> tuple[Way, ...]:
        return tuple(Way(at=f"split[{i}].steps", says=one.arm, steps=one.steps) for i, one in enumerate(self.arms))

    def ends(self) -> bool:
        return all(ends(one.steps) for one in self.arms)

    async def walk(self, walk: "Walk", at: str) -> None:
        if f"{at}/arm" not in walk.position.marks:
            drawn = draw((*walk.lot, self.id), {one.arm: one.weight for one in self.arms})
            walk.once(f"{at}/arm", lambda: drawn)
            walk.result(f"split.{self.id}.arm", drawn)
            walk.note(at, "drawn", step=self.id, arm=drawn)
        drawn = walk.position.marks[f"{at}/arm"]
        i = next(i for i, one in enumerate(self.arms) if one.arm == drawn)
        await walk.sequence(self.arms[i].steps, f"{at}.split[{i}].steps")


def draw(lot: tuple[str, ...], weights: dict[str, float]) -> str:
    """The name that wins the lot, with a chance in proportion to its weight.

    Each name draws a number of its own and the best wins: so the order of the names does not matter, and when a name
    is added, or weighs more than before, others lose some accounts to it and to nobody else.
    """

    def luck(name: str) -> float:
        digest = hashlib.sha256("\n".join((*lot, name)).encode()).digest()
        # In (0, 1): 53 bits are what a double holds exactly.
        chance = ((int.from_bytes(digest[:8], "big") >> 11) + 0.5) / (1 << 53)
        return -math.log(chance) / weights[name]

    return min((name for name in weights if weights[name] > 0), key=lambda name: (luck(name), name))


class ArmDocument(Shape):
    """One way to go."""

    arm: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="its name; renamed, it is another arm")
    weight: float = Field(ge=0, le=_HEAVIEST, description="its share among all arms; 0 takes nobody in any more")
    steps: "list[AnyStepDocument]" = Field(description="what those who draw it get")


class SplitDocument(StepDocument):
    """Draw one of several arms, for an experiment."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="the lot is drawn by it: renamed, it is drawn anew")
    split: list[ArmDocument] = Field(min_length=2, max_length=10, description="the arms")

    def results(self) -> tuple[Result, ...]:
        arms = tuple(dict.fromkeys(one.arm for one in self.split))
        return (Result(name=f"split.{self.id}.arm", type="choice", options=arms),)

    def compile(self, with_: StepCompiler) -> SplitStep | None:
        names = [one.arm for one in self.split]
        for i, name in enumerate(names):
            if name in names[:i]:
                with_.problem("PB365", f"the arm {name} is written twice", "split", i, "arm", hint="name each once")
        if not any(one.weight > 0 for one in self.split):
            with_.problem("PB365", "no arm has a weight", "split", hint="such as `weight: 50`")
        bodies = with_.branches(*((one.steps, ("split", i, "steps")) for i, one in enumerate(self.split)), sure="every")
        arms = tuple(
            Arm(arm=one.arm, weight=one.weight, steps=steps) for one, steps in zip(self.split, bodies, strict=True)
        )
        return SplitStep(id=self.id, arms=arms)
