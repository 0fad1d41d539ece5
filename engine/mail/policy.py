"""What a workspace declares for every mail, over all playbooks: topics, caps, a send window, a hold, doubtful mails."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from engine.documents.scalars import Clock, Count, Line, Span, Weekdays
from engine.durations import Duration
from engine.health.scorecards import Word
from engine.mail.doubts import OnUnknown
from engine.values import Value

CounterOf = Literal["contact", "account"]
Then = Literal["wait", "skip"]
SERVICE = "service"
"""The category, and the topic, of a text that says nothing else."""
TRANSACTIONAL = "transactional"
"""The category that asks for no consent, waits for nothing and counts for nothing: what the recipient has ordered."""


class Topic(Value):
    """What a recipient may leave without leaving everything."""

    title: Line = Field(description="what recipients read on their preference page")
    says: str = Field("", max_length=300, description="what these mails bring, in a line")
    opt_in: bool = Field(False, description="only to those who have asked for it; otherwise to all who have not left")


class Cap(Value):
    """At most so many mails to one contact or account: within any such time, or in each day, week or month."""

    per: CounterOf = Field(description="whose mails are counted: a person's, at all accounts, or an account's")
    at_most: Count = Field(description="how many")
    within: Span | None = Field(None, description="within how long, wherever it begins, such as 7 days")
    each: Literal["day", "week", "month"] | None = Field(
        None, description="or in each day, week (from Monday) or month of the recipient's calendar"
    )
    then: Then = Field("wait", description="what becomes of one more: it waits, or is not sent")

    @model_validator(mode="after")
    def _has_one_measure(self) -> Self:
        if (self.within is None) == (self.each is None):
            raise PydanticCustomError(
                "PB510", "a cap counts `within` a time or in `each` day, week or month", {"hint": "within: 7 days"}
            )
        return self

    def says(self) -> str:
        """Its reason, as traces tell it."""
        whose = "person" if self.per == "contact" else "account"
        time = f"within {self.within}" if self.within is not None else f"a {self.each}"
        return f"no more than {self.at_most} {'mail' if self.at_most == 1 else 'mails'} {time} to one {whose}"


class Window(Value):
    """When mail may leave, by the recipient's clock; `closes` before `opens` crosses midnight."""

    opens: Clock = Field(description='from then, such as "08:00"')
    closes: Clock = Field(description="until then; before `opens`, it crosses midnight")
    days: Weekdays | None = Field(
        None, description="opens on these days: [monday, friday]; default: those that are no weekend there"
    )
    business_days_only: bool = Field(False, description="not on holidays either")
    then: Then = Field("wait", description="outside of it, a mail waits, or is not sent")

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if self.opens == self.closes or self.days == ():
            raise PydanticCustomError("PB510", "the window never opens", {"hint": "closes: a later clock time"})
        return self

    def says(self) -> str:
        return f"{self.opens} to {self.closes} there"


class MailPolicy(Value):
    """What holds for every mail, whatever the playbook."""

    hold: Annotated[Span, Field(description="how long a mail can still be stopped after it was written")] = Duration(
        2, "minutes"
    )
    caps: tuple[Cap, ...] = Field((), max_length=20, description="at most so many mails")
    window: Window | None = Field(None, description="when mail may leave")
    unknown: OnUnknown = Field(
        "ask", description="a mail that may or may not have left: a person decides, or it is sent once more"
    )
    track_clicks: bool = Field(False, description="links lead past our own page, so that clicks are seen")
    topics: dict[Word, Topic] = Field(
        default_factory=dict, max_length=50, description="what recipients can leave one by one"
    )

    @property
    def hold_time(self) -> timedelta:
        assert self.hold.exact is not None, "a span is always equally long"
        return self.hold.exact

    def all_topics(self) -> Mapping[str, Topic]:
        """The declared ones, and those that a category has without being declared."""
        return {**_by_category(), **self.topics}


@cache
def _by_category() -> Mapping[str, Topic]:
    return {
        SERVICE: Topic(title="Help with what you use", says="Getting started, check-ins, reviews and surveys."),
        "marketing": Topic(title="News and offers", says="New features, events and offers."),
    }


def topic_of(category: str, topic: str | None) -> str | None:
    """The topic that consent is asked for; none for mail that asks for no consent."""
    return None if category in (TRANSACTIONAL, "internal") else topic or category
