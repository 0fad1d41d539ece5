"""One account's facts in memory, as they become known; works out at each instant what the projection would."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from engine.calendars import Place, local_date
from engine.contacts import Contact, chosen
from engine.durations import Duration
from engine.expressions import Evaluator, evaluate, on_row
from engine.expressions.rows import CONTACT
from engine.expressions.tree import Aggregate
from engine.health.scorecards import Component, Scorecard, card_for, score
from engine.health.trends import slope
from engine.mail.addresses import address_key
from engine.mail.consent import Consent
from engine.turns.runtime import Waiting
from engine.values import Condition
from engine.workspace import Workspace
from engine.workspace.freshness import Promise, is_blind, promises, stale_components, told_fields, window_of
from engine.workspace.places import place_of


@dataclass(frozen=True, kw_only=True)
class Happened:
    """An event and when it was learned; `row` is how expressions see it."""

    event: str
    at: datetime
    learned_at: datetime
    row: Mapping[str, Any]


class Account:
    """One account's facts, as they become known."""

    def __init__(self, workspace: Workspace, contacts: Iterable[Contact] = (), key: str = "") -> None:
        """`key` is what experiments and holdouts are drawn by; without one, the account is in no holdout."""
        self.workspace = workspace
        self.contacts: tuple[Contact, ...] = ()
        """In the order of their keys."""
        self.meet(contacts)
        self.key = key
        self.events: list[Happened] = []
        """In the order in which they were learned."""
        self.now = datetime.min.replace(tzinfo=UTC)
        self.place = Place(zone=workspace.zone)
        self.values: dict[str, Any] = {}
        self.asked: dict[str, list[datetime]] = {}
        """When people were put a survey's question, by the key of their address."""
        self.consents: dict[str, Consent] = {}
        """What people said of the mails they get, by the key of their address; who said nothing is not here."""
        self._told: dict[str, Any] = {}
        self._told_at: dict[str, datetime | None] = {}
        """When a value was last told; None until the next look."""
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._past: dict[str, list[tuple[datetime, float | None]]] = {}

    def meet(self, contacts: Iterable[Contact]) -> None:
        """People who are new, or of whom something new is told."""
        told = {one.key: one for one in contacts}
        known = {one.key: one for one in self.contacts} | told
        self.contacts = tuple(known[key] for key in sorted(known))

    def contact(self, key: str) -> Contact:
        """As they are now."""
        return next(one for one in self.contacts if one.key == key)

    def recipients(self, role: str, mode: Literal["first", "exact", "all"]) -> list[Contact]:
        """Whom a role means now."""
        return chosen(self.contacts, role, mode, self.workspace.roles.contacts)

    def consent_of(self, contact: Contact) -> Consent:
        """Of a contact as they are now."""
        said = self.consents.get(address_key(contact.email), Consent()) if contact.email else Consent()
        return replace(said, wants_none=contact.do_not_contact)

    def place_of(self, contact: Contact) -> Place:
        """Where a contact is: in a zone of their own, or else in the account's."""
        zone = contact.zone if contact.zone is not None else self.values.get("account.zone")
        return place_of(self.workspace, zone, self.values.get("account.country"), self.now)

    def learn(self, fields: Mapping[str, Any], at: datetime | None = None) -> None:
        """Fields by full name; None is known to be empty. `at`: since when they are true; by default the next look."""
        self._told.update(fields)
        self._told_at.update(dict.fromkeys(fields, at))

    def had(self, name: str, at: datetime, value: float | None) -> None:
        """A value it had from an instant on, before the first look; in order."""
        self._past.setdefault(name, []).append((at, value))

    def recorded(self, kind: str, props: Mapping[str, Any], start: datetime, end: datetime | None) -> None:
        """A record, such as a subscription; in the order of their starts."""
        self._rows.setdefault(kind, []).append({**props, "start": start, "end": end})

    def retag(self, tag: Sequence[str], untag: Sequence[str]) -> None:
        """Put some words on, take others off."""
        before = self._told.get("account.tags") or ()
        self._told["account.tags"] = sorted({*before, *tag} - {*untag})

    def happened(self, event: str, at: datetime, props: Mapping[str, Any], learned_at: datetime | None = None) -> None:
        row = {**props, "at": at}
        rows = self._rows.setdefault(f"event.{event}", [])
        rows.append(row)
        rows.sort(key=lambda one: one["at"])
        self.events.append(Happened(event=event, at=at, learned_at=learned_at or at, row=row))

    def look(self, now: datetime) -> None:
        """Work out at this instant what the sweep's projection would: metrics, derived fields, scores, their past."""
        self.now = now
        self._told_at.update({name: now for name, at in self._told_at.items() if at is None})
        self.place = place_of(self.workspace, self._told.get("account.zone"), self._told.get("account.country"), now)
        self.values = {}
        alive = {promise: self._is_alive(promise) for promise in promises(self.workspace)}
        for name, value in self._told.items():
            self._keep(name, value)
        for one in self.workspace.computed:
            if one.name not in self._told:
                blind = is_blind(one, self.workspace, alive)
                self._keep(one.name, None if blind else self._computed(one))
        for id_, cards in self.workspace.cards().items():
            self._score(id_, cards, alive)

    def _keep(self, name: str, value: Any) -> None:
        """A value, and its history where it changed."""
        self.values[name] = value
        past = self._past.setdefault(name, [])
        last = past[-1][1] if past else None
        if value != last and (value is None or (isinstance(value, float | int) and not isinstance(value, bool))):
            past.append((self.now, None if value is None else float(value)))

    def _computed(self, one: Any) -> Any:
        if one.expression is not None:
            return evaluate(one.expression.expression, self)
        return next((value for value, when in one.cases if evaluate(when.expression, self) is True), None)

    def _is_alive(self, promise: Promise) -> bool:
        """Whether the feed brought something lately. No other account is there to bring it."""
        name, stale_after = promise
        return any(self.now - window_of(stale_after) < row["at"] <= self.now for row in self.rows(f"event.{name}"))

    def _stale(self, card: Scorecard, alive: Mapping[Promise, bool]) -> tuple[str, ...]:
        silent = stale_components(card.components, self.workspace, alive)
        return (*silent, *(one.id for one in card.components if one.stale_after and self._aged(one, one.stale_after)))

    def _aged(self, component: Component, stale_after: Duration) -> bool:
        told = [self._told_at[name] for name in told_fields(component, self.workspace) if name in self._told_at]
        return any(at is not None and at <= self.now - window_of(stale_after) for at in told)

    def _score(self, id_: str, cards: Sequence[Scorecard], alive: Mapping[Promise, bool]) -> None:
        card = card_for(cards, self) or (cards[0] if f"{id_}.score" in self._told else None)
        if card is None:
            return
        told = f"{id_}.score" in self._told
        value = self._told[f"{id_}.score"] if told else score(card, self, self._stale(card, alive)).value
        self._keep(f"{id_}.score", value)
        self.values[f"{id_}.band"] = card.band_of(value)

    # --- engine.expressions.Env ---

    @property
    def today(self) -> date:
        return local_date(self.now, self.place.zone)

    def field(self, name: str) -> Any:
        return self.values.get(name)

    def local_date(self, at: datetime) -> date:
        return local_date(at, self.place.zone)

    def highest(self, name: str, window: Duration) -> float | None:
        return max(self._in_force(name, window), default=None)

    def lowest(self, name: str, window: Duration) -> float | None:
        return min(self._in_force(name, window), default=None)

    def trend(self, name: str, window: Duration) -> float | None:
        assert window.exact is not None, "the checker allows only windows of an exact length"
        opens = self.now - window.exact
        return slope((at, value) for at, value in self._past.get(name, []) if at > opens)

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        if source == CONTACT:
            return [_row(one) for one in self.contacts]
        moment = "at" if source.startswith("event.") else "start"
        return [row for row in self._rows.get(source, ()) if row[moment] <= self.now]

    def aggregate(self, _node: Aggregate, work_out: Evaluator) -> Any:
        return work_out(self)

    def _in_force(self, name: str, window: Duration) -> list[float]:
        assert window.exact is not None, "the checker allows only windows of an exact length"
        opens, past = self.now - window.exact, self._past.get(name, [])
        before = [value for at, value in past if at <= opens][-1:]
        return [value for value in (*before, *(value for at, value in past if at > opens)) if value is not None]

    def truth(self, condition: Condition) -> Any:
        return evaluate(condition.expression, self)

    def has_come(self, condition: Condition | None, waiting: Waiting) -> bool:
        """Whether what a run begins to wait for is there already."""
        if waiting.event is None:
            return condition is not None and self.truth(condition) is True
        rows = [
            row for row in self.rows(f"event.{waiting.event}") if waiting.since is None or row["at"] >= waiting.since
        ]
        return any(self.fits(condition, row) for row in rows)

    def fits(self, condition: Condition | None, row: Mapping[str, Any]) -> bool:
        """Whether what is asked of a row is true of it."""
        return condition is None or evaluate(condition.expression, on_row(self, row)) is True


def _row(contact: Contact) -> dict[str, Any]:
    """A contact as expressions see one: their roles in one text, between commas."""
    words = ("name", "first_name", "email", "zone", "do_not_contact")
    return {word: getattr(contact, word) for word in words} | {"roles": f",{','.join(contact.roles)},"}
