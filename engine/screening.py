"""Says which facts are too odd to act upon: dated by a clock that jumped, or about what no workspace declares."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from engine.catalogue import Catalogue, Type
from engine.catalogue import Field as CatalogueField
from engine.expressions.values import READ_PROP
from engine.facts import TIMES, AccountFact, EventFact, IncomingFact, MetricFact, RecordFact
from engine.problems import did_you_mean
from engine.workspace.quarantine import Quarantine


class Screen:
    """For one instant; `catalogue`: None while nothing is deployed, when nothing is known of names and types."""

    def __init__(self, limits: Quarantine, now: datetime, catalogue: Catalogue | None = None) -> None:
        self._catalogue = catalogue
        self._latest = now + (limits.dated_ahead.exact or timedelta())
        self._earliest = now - (limits.dated_back.exact or timedelta())

    def fault(self, fact: IncomingFact) -> str | None:
        """Why the fact is put aside; None for one that may come in."""
        for name in _DATES[fact.kind]:
            at = getattr(fact, name)
            if at is not None and (why := self.odd_time(at, ahead=name == "at")):
                return why
        return None if self._catalogue is None else _undeclared(fact, self._catalogue)

    def odd_time(self, at: date, *, ahead: bool = True) -> str | None:
        """The same for an instant alone, or a day; `ahead`: whether it may not lie far ahead either."""
        day = at if not isinstance(at, datetime) else at.date()
        if ahead and (at > self._latest if isinstance(at, datetime) else day > self._latest.date()):
            return f"it is dated {day}, too far ahead of our clock"
        if at < self._earliest if isinstance(at, datetime) else day < self._earliest.date():
            return f"it is dated {day}, too far back"
        return None


def _undeclared(fact: IncomingFact, catalogue: Catalogue) -> str | None:
    match fact:
        case AccountFact():
            return _first(_odd_value(name, value, catalogue) for name, value in fact.fields.items())
        case MetricFact():
            return _odd_value(f"metric.{fact.metric}", fact.value, catalogue)
        case RecordFact():
            kind = catalogue.records.get(fact.record)
            if kind is None:
                return f'no record "{fact.record}" is declared{_near(fact.record, catalogue.records)}'
            return _odd_props(fact.props, kind.props)
        case EventFact():
            event = catalogue.events.get(fact.type)
            if event is None:
                return f'no event "{fact.type}" is declared{_near(fact.type, catalogue.events)}'
            return None if event.props is None else _odd_props(fact.props, event.props)
        case _:
            return None


def _odd_props(props: Mapping[str, Any], known: Mapping[str, CatalogueField]) -> str | None:
    # Props that nobody declared are kept, as nothing reads them; those that are read must be what they are read as.
    return _first(_odd_type(name, value, known[name]) for name, value in props.items() if name in known)


def _odd_value(name: str, value: Any, catalogue: Catalogue) -> str | None:
    what = catalogue.field(name)
    if what is None:
        return f'no field "{name}" is declared{_near(name, catalogue.fields)}'
    return _odd_type(name, value, what)


def _odd_type(name: str, value: Any, what: CatalogueField) -> str | None:
    fits = value is None or isinstance(value, _HELD_AS[what.type])
    if not fits or (what.type == "number" and isinstance(value, bool)):
        return f"{name} is a {what.type}, and {value!r:.60} is none"
    if what.type in ("date", "instant") and value is not None:
        return _odd_date(name, value, what.type)
    if what.type == "choice" and what.options and value is not None and value not in what.options:
        return f"{name} is one of {', '.join(what.options)}, and {value!r:.60} is none of them"
    return None


def _odd_date(name: str, value: str, type_: Type) -> str | None:
    """As everything reads it: a text that is no date would be unknown without anybody's notice."""
    told = READ_PROP[type_](value)
    if told is None:
        form = "2024-05-31" if type_ == "date" else "2024-05-31T08:00:00Z"
        return f"{name} is written like {form}, and {value!r:.60} is not"
    if not 1900 <= told.year <= 2200:
        return f"{name} lies outside of 1900 to 2200: {value!r:.60}"
    return None


def _first(faults: Any) -> str | None:
    return next((fault for fault in faults if fault is not None), None)


def _near(name: str, known: Mapping[str, object]) -> str:
    hint = did_you_mean(name, known)
    return f" ({hint})" if hint else ""


# Looked up once: to ask a fact for what it does not have takes longer than all the rest.
_DATES: Mapping[str, tuple[str, ...]] = {
    kind: tuple(name for name in times if name in {"at", "starts_at"}) for kind, times in TIMES.items()
}

_HELD_AS: Mapping[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "text": str,
    "choice": str,
    "bool": bool,
    "date": str,
    "instant": str,
    "tags": list,
}
