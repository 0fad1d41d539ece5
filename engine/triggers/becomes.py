"""The trigger on any condition turning true."""

from pydantic import Field

from engine.documents.wording import ConditionText, DurationWords
from engine.triggers.base import Edge, TriggerCompiler, TriggerDocument
from engine.values import Condition


class BecomesDocument(TriggerDocument):
    """A condition that was false is true."""

    becomes: ConditionText = Field(description='a condition, such as account.lifecycle == "onboarding"')
    for_: DurationWords | None = Field(
        None, alias="for", description="dwell: it must stay so this long, such as 3 days"
    )

    def compile(self, with_: TriggerCompiler) -> Edge | None:
        dwell = with_.duration(self.for_, "for") if self.for_ else None
        trips = with_.condition(self.becomes, "becomes")
        if trips is None:
            return None
        rearms = with_.condition(f"not ({trips.text})", "becomes")
        if rearms is None:
            return None
        says = f"{trips.text} became true" + (f" for {dwell}" if dwell else "")
        return Edge(says=says, trips=Condition.of(trips), rearms=Condition.of(rearms), dwell=dwell)
