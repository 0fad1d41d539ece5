"""Checks calls: functions, `highest`, `lowest` and `trend`, and aggregates with their rows."""

from datetime import timedelta
from typing import Literal, cast

from engine.durations import Duration
from engine.expressions import syntax
from engine.expressions.checking import SPOKEN, Checking, family
from engine.expressions.functions import AGGREGATES, EXTREMES, FUNCTIONS, NAMES
from engine.expressions.rows import CONTACT, Rows, find_source
from engine.expressions.syntax import Name, Span, Syntax
from engine.expressions.tree import Aggregate, AggregateName, Extreme, FieldValue, Node
from engine.problems import did_you_mean

Way = Literal["highest", "lowest", "trend"]
_OF_CONTACTS = ("any", "all", "count", "count_distinct")


class CallChecking(Checking):
    """The part of the checker that knows brackets."""

    def call(self, call: syntax.Call) -> Node | None:
        if call.name in EXTREMES:
            return self._extreme(call)
        if call.name in AGGREGATES and (call.name not in FUNCTIONS or self._looks_at_rows(call)):
            return self._aggregate(call)
        if call.name in ("today", "now"):
            self.fault(call, "PB203", f"{call.name} is no function", f"write {call.name} without brackets")
            return None
        function = FUNCTIONS.get(call.name)
        if function is None:
            self.fault(call, "PB203", f'unknown function "{call.name}"', did_you_mean(call.name, NAMES))
            return None
        if call.where is not None:
            self.fault(call.where, "PB208", f"{call.name} takes no where", "")
            return None
        if not function.least <= len(call.arguments) <= function.most:
            self._wrong_count(call, function.least, function.most)
            return None
        arguments = [self.of_types(argument, function.takes) for argument in call.arguments]
        known = tuple(node for node in arguments if node is not None)
        if len(known) < len(arguments):
            return None
        for at, node in zip(call.arguments, known, strict=True):
            if family(node.type) != family(known[0].type):
                message = f"{call.name} takes values of one type, here {SPOKEN[known[0].type]} and {SPOKEN[node.type]}"
                self.fault(at, "PB204", message, "")
                return None
        built = function.build(known)
        if isinstance(built, str):
            self.fault(call, "PB211", built, "")
            return None
        return built

    def _wrong_count(self, call: syntax.Call, least: int, most: int) -> None:
        wanted = str(least) if least == most else f"{least} to {most}"
        self.fault(call, "PB211", f"{call.name} takes {wanted} arguments, here are {len(call.arguments)}", "")

    def _extreme(self, call: syntax.Call) -> Node | None:
        if (
            len(call.arguments) != 2
            or not isinstance(call.arguments[1], Span)
            or not isinstance(call.arguments[0], Name)
        ):
            self.fault(
                call, "PB211", f"{call.name} takes a field and a window", f"write {call.name}(health.score, 14 days)"
            )
            return None
        field, window = self.of_types(call.arguments[0], ("number",)), self._window(call.arguments[1])
        if not isinstance(field, FieldValue) or window is None:
            return None
        self._kept_long_enough(call, "history", window)
        return Extreme(way=cast("Way", call.name), field=field.name, window=window)

    def _window(self, span: Span) -> Duration | None:
        duration = self.duration(span)
        if duration is not None and (duration.exact is None or duration.amount == 0):
            self.fault(span, "PB210", "a window is an amount of minutes, hours, days or weeks", "such as 30 days")
            return None
        return duration

    def _kept_long_enough(self, call: syntax.Call, what: Literal["events", "history"], window: Duration | None) -> None:
        catalogue = self.scope.catalogue
        kept = catalogue.events_kept if what == "events" else catalogue.history_kept
        if kept is not None and (window is None or _longer(window, kept)):
            looks = "at all there ever was" if window is None else f"{window} back"
            hint = "look less far back, or keep more: retention in tenure.yaml"
            keeps = "events are" if what == "events" else "history is"
            self.fault(call, "PB212", f"{call.name} looks {looks}, and {keeps} kept for {kept}", hint)

    def _looks_at_rows(self, call: syntax.Call) -> bool:
        """`min` and `max` of rows, and not of several values."""
        if call.where is not None or any(isinstance(each, Span) for each in call.arguments):
            return True
        names = syntax.names_in(call.arguments[0]) if len(call.arguments) == 1 else ()
        return self.inside is None and any(find_source(name.name, self.scope.catalogue) for name in names)

    def _aggregate(self, call: syntax.Call) -> Node | None:
        if not self.scope.aggregates:
            hint = "make it a metric in tenure.yaml, and read metric.<name> here"
            self.fault(call, "PB208", f"{call.name} over records or events cannot be used here", hint)
            return None
        if self.inside is not None:
            self.fault(call, "PB208", "an aggregate cannot stand inside another", "make the inner one a metric")
            return None
        if not 1 <= len(call.arguments) <= 2 or not all(isinstance(span, Span) for span in call.arguments[1:]):
            hint = f"write for instance {call.name}(event.usage, 30 days)"
            self.fault(call, "PB211", f"{call.name} takes rows and, if you like, a window", hint)
            return None
        window = next((self._window(span) for span in call.arguments[1:] if isinstance(span, Span)), None)
        rows = self._source(call)
        if rows is None or (len(call.arguments) == 2 and window is None):
            return None
        if rows.source == CONTACT and not self._fits_contacts(call):
            return None
        self.rows.setdefault(rows.source, {})
        self.inside = rows if "text" in AGGREGATES[call.name][0] else rows.as_numbers()
        part, sound = self._aggregated(call, rows)
        self.inside = rows
        where = self.condition(call.where, "where") if call.where is not None else None
        self.inside = None
        if not sound or (call.where is not None and where is None):
            return None
        if call.name in ("any", "all"):
            part, where = where, None
        if rows.source.startswith("event."):
            self._kept_long_enough(call, "events", window)
        gives = AGGREGATES[call.name][1] or (part.type if part is not None else "number")
        name = cast("AggregateName", call.name)
        text = self.text[call.column : call.end]
        return Aggregate(name=name, source=rows.source, part=part, where=where, window=window, type=gives, text=text)

    def _fits_contacts(self, call: syntax.Call) -> bool:
        if len(call.arguments) > 1:
            self.fault(call.arguments[1], "PB210", "contacts have no moment, so no window", "leave it out")
        elif call.name not in _OF_CONTACTS:
            self.fault(call, "PB208", f"{call.name} makes no sense of contacts", f"use {', '.join(_OF_CONTACTS)}")
        else:
            return True
        return False

    def _aggregated(self, call: syntax.Call, rows: Rows) -> tuple[Node | None, bool]:
        """What is counted or added up, and whether that is sound; the bare source counts rows."""
        first = call.arguments[0]
        if call.name in ("any", "all"):
            if isinstance(first, Name) and first.name == rows.source and call.where is not None:
                return None, True
            self.fault(call, "PB208", f"{call.name} asks a condition of rows", f"{call.name}({rows.source} where …)")
            return None, False
        if not isinstance(first, Name) or first.name != rows.source:
            part = self.of_types(first, AGGREGATES[call.name][0])
            return part, part is not None
        if call.name == "count":
            return None, True
        self.fault(
            first,
            "PB208",
            f"{call.name} needs a prop of {rows.source}",
            f"such as {call.name}({rows.source}.{rows.example()})",
        )
        return None, False

    def _source(self, call: syntax.Call) -> Rows | None:
        names = list(syntax.names_in(call.arguments[0]))
        found = [rows for name in names if (rows := find_source(name.name, self.scope.catalogue)) is not None]
        if len({rows.source for rows in found}) == 1:
            return found[0]
        if found:
            self.fault(call, "PB208", "an aggregate looks at rows of one kind", "make one metric of each")
            return None
        catalogue = self.scope.catalogue
        known = [*catalogue.records, *(f"event.{event}" for event in catalogue.events), CONTACT]
        at: Syntax = names[0] if names else call.arguments[0]
        if names and (names[0].name.startswith("event.") or self.scope.field(names[0].name) is None):
            hint = did_you_mean(names[0].name, known) or "declare records and events in tenure.yaml"
            self.fault(at, "PB209", f'no record or event is called "{names[0].name}"', hint)
        else:
            self.fault(at, "PB208", f"{call.name} looks at rows of a record or an event", did_you_mean("", known))
        return None


def _longer(window: Duration, kept: Duration) -> bool:
    # Both are amounts of minutes, hours, days or weeks.
    return (window.exact or timedelta()) > (kept.exact or timedelta())
