"""The trigger on a date: a field, and an offset in words before or after it."""

import re

from pydantic import Field

from engine.documents.wording import DurationWords
from engine.triggers.base import Moment, TriggerCompiler, TriggerDocument

_FORM = re.compile(r"^\s*(?P<field>[a-z_][\w.]*)\s*(?:(?P<sign>[+-])\s*(?P<offset>\S.*?))?\s*$")


class DateDocument(TriggerDocument):
    """A date comes near, or has passed by so much."""

    date: str = Field(description="a date field and an offset, such as account.renewal_date - 90 days")
    grace: DurationWords | None = Field(None, description="how late it may be learned and still fire; default 0 days")

    def compile(self, with_: TriggerCompiler) -> Moment | None:
        form = _FORM.match(self.date)
        if form is None:
            with_.problem(
                "PB305",
                f"{self.date!r} is not a date and an offset",
                "date",
                hint="such as account.renewal_date - 90 days",
            )
            return None
        field = form["field"]
        kind = with_.field_type(field)
        if kind is None:
            with_.unknown("date field", field, with_.fields_of_type("date", "instant"), "date")
            return None
        if kind not in ("date", "instant"):
            with_.problem("PB305", f"{field} is a {kind}, not a date", "date", hint="such as account.renewal_date")
            return None
        offset = with_.duration(form["offset"], "date") if form["offset"] else "0 days"
        grace = with_.duration(self.grace, "grace") if self.grace else "0 days"
        if offset is None or grace is None:
            return None
        before = form["sign"] == "-"
        words = "reached" if offset == "0 days" else f"{offset} {'before' if before else 'after'}"
        says = f"{field} {words}" if offset == "0 days" else f"{words} {field}"
        return Moment(says=says, field=field, offset=f"-{offset}" if before else offset, grace=grace)
