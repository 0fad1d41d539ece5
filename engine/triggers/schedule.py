"""The trigger that comes again and again: every so many days from a date, or by a cron expression."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from engine.calendars import is_zone
from engine.cron import parse_cron
from engine.documents.shape import Shape
from engine.documents.wording import DurationWords
from engine.durations import parse_duration
from engine.triggers.base import Schedule, TriggerCompiler, TriggerDocument

_FORM = re.compile(r"^\s*every\s+(?P<period>.+?)(?:\s+from\s+(?P<anchor>\S+))?\s*$", re.IGNORECASE)
_ONE = {"day": "1 day", "week": "1 week", "month": "1 month", "quarter": "3 months", "year": "1 year"}
_UNITS = ("days", "weeks", "months", "years")
_CRON_GRACE = "1 day"


class CronBody(Shape):
    """A schedule as a cron expression."""

    cron: str = Field(description='minute, hour, day of the month, month, weekday, such as "0 9 * * mon"')
    zone: str = Field("account", description="whose clock: account, or a time zone such as Europe/Berlin")


def _text_or_body(value: Any) -> Any:
    # A date in YAML is a date; here it is the end of a sentence and stays text.
    return value if isinstance(value, dict | CronBody) else str(value)


class ScheduleDocument(TriggerDocument):
    """A time that comes again and again."""

    schedule: Annotated[str | CronBody, BeforeValidator(_text_or_body)] = Field(
        description="every 90 days from account.signup_date; or a cron expression"
    )
    grace: DurationWords | None = Field(
        None,
        description="how late the date may be learned and its time still fire (default 0 days); for cron: how late a "
        "time may be made good that nobody looked at (default 1 day)",
    )

    def compile(self, with_: TriggerCompiler) -> Schedule | None:
        if isinstance(self.schedule, CronBody):
            return self._cron(with_, self.schedule)
        grace = with_.duration(self.grace, "grace") if self.grace else "0 days"
        form = _FORM.match(self.schedule)
        if form is None:
            hint = 'such as every 90 days from account.signup_date, or {cron: "0 9 * * mon"}'
            with_.problem("PB326", f"{self.schedule!r} is not a schedule", "schedule", hint=hint)
            return None
        every = self._period(with_, form["period"])
        if form["anchor"] is None:
            dates = ", ".join(with_.fields_of_type("date", "instant")[:3])
            hint = f"add for instance: from {dates.split(', ')[0] or '2026-01-05'}"
            with_.problem("PB326", "from where is it counted?", "schedule", hint=hint)
            return None
        anchor = form["anchor"]
        if every is None or grace is None or not self._is_anchor(with_, anchor):
            return None
        says = f"every {every} from {anchor}"
        return Schedule(says=says, every=every, anchor=anchor, grace=grace)

    def _period(self, with_: TriggerCompiler, words: str) -> str | None:
        every = with_.duration(_ONE.get(words.lower(), words), "schedule")
        if every is None:
            return None
        duration = parse_duration(every)
        if duration.unit not in _UNITS or not duration.amount:
            hint = f"count it in {', '.join(_UNITS)}; business days and hours go by cron"
            with_.problem("PB326", f"a schedule cannot run every {every}", "schedule", hint=hint)
            return None
        return every

    def _is_anchor(self, with_: TriggerCompiler, anchor: str) -> bool:
        if anchor[:1].isdigit():
            try:
                date.fromisoformat(anchor)
            except ValueError:
                with_.problem("PB326", f"{anchor} is not a date", "schedule", hint="write year-month-day")
                return False
            return True
        kind = with_.field_type(anchor)
        if kind is None:
            with_.unknown("date field", anchor, with_.fields_of_type("date", "instant"), "schedule")
        elif kind not in ("date", "instant"):
            with_.problem("PB326", f"{anchor} is a {kind}, not a date", "schedule")
        return kind in ("date", "instant")

    def _cron(self, with_: TriggerCompiler, body: CronBody) -> Schedule | None:
        grace = with_.duration(self.grace, "grace") if self.grace else _CRON_GRACE
        try:
            parse_cron(body.cron)
        except ValueError as error:
            with_.problem("PB326", str(error), "schedule", "cron")
            return None
        if body.zone != "account" and not is_zone(body.zone):
            hint = "write account, or for instance Europe/Berlin"
            with_.problem("PB326", f'"{body.zone}" is not a time zone', "schedule", "zone", hint=hint)
            return None
        if grace is None:
            return None
        zone = None if body.zone == "account" else body.zone
        where = f" in {zone}" if zone else ""
        return Schedule(says=f"{body.cron}{where} came", cron=" ".join(body.cron.split()), zone=zone, grace=grace)
