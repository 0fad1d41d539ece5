"""The trigger on an event of the account, of which a condition may be asked."""

from pydantic import Field

from engine.documents.wording import ConditionText, DurationWords
from engine.triggers.base import Occurrence, TriggerCompiler, TriggerDocument
from engine.values import Condition


class EventDocument(TriggerDocument):
    """Something happened."""

    event: str = Field(description="a type of events of tenure.yaml")
    where: ConditionText | None = Field(
        None, description='a condition on its props and the account, such as feature == "export"'
    )
    settle: DurationWords | None = Field(
        None, description="asked so long after it was learned, so that its data can arrive"
    )
    grace: DurationWords | None = Field(None, description="how late it may be learned and still start; default 7 days")

    def compile(self, with_: TriggerCompiler) -> Occurrence | None:
        if self.event not in with_.events():
            with_.unknown("event", self.event, with_.events(), "event")
            return None
        settle = with_.duration(self.settle, "settle") if self.settle else None
        grace = with_.duration(self.grace, "grace") if self.grace else "7 days"
        where = with_.row_condition(self.where, f"event.{self.event}", "where") if self.where else None
        if grace is None or (self.settle and settle is None) or (self.where and where is None):
            return None
        says = f"{self.event} happened" + (f" where {where.text}" if where else "")
        condition = Condition.of(where) if where else None
        return Occurrence(says=says, event=self.event, where=condition, settle=settle, grace=grace)
