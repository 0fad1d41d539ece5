"""Plays one playbook on one account in virtual time, and keeps what mails and tasks would have said at each act."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from engine.calendars import local_date, local_midnight
from engine.contacts import Contact, by_address
from engine.mail.locales import in_locale
from engine.plan import Compiled
from engine.simulation import Account, Circle, Happening, People, Simulation
from engine.texts.document import MailText
from engine.texts.filters import RenderError
from engine.texts.preview import preview_mail
from engine.texts.templates import render_line
from engine.workspace import Workspace

Assumption = tuple[int, Mapping[str, Any]]
"""A day from the first, and facts by full name."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What somebody would have read."""

    subject: str
    text: str = ""
    problem: str = ""
    """Why it could not be written."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """One line of the timeline."""

    day: int
    on: date
    one: Happening
    written: Written | None = None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What would happen."""

    lines: tuple[Told, ...]
    started: bool
    ending: tuple[str, str] | None
    """Outcome and reason of the last run; None when it is still under way, or there was none."""
    broken: str = ""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Where mails come from, and what they say of people."""

    mails: Callable[[str], MailText | None]
    """By hash."""
    people: Mapping[str, Any]
    """Names for templates, but for the recipient's; no facts."""


def try_out(  # noqa: PLR0917 - a play: what, with whom, from when to when
    compiled: Compiled,
    account: Account,
    people: People,
    begin: datetime,
    days: int,
    assumptions: Sequence[Assumption],
    texts: Texts,
    *,
    at_once: bool,
) -> Trial:
    """What is known stays as it is, but for what is assumed. `at_once`: begin as by a person, asking no rule."""
    simulation = _Noting([compiled], account, people)
    zone = account.place.zone
    first = local_date(begin, zone)
    for day, facts in assumptions:
        at = max(begin, local_midnight(first + timedelta(days=day), zone))
        simulation.at(at, lambda _now, facts=facts: account.learn(facts))  # type: ignore[misc]
    broken = ""
    try:
        simulation.stop_at(begin)
        if at_once and not simulation.runs:
            simulation.start(compiled, begin)
            simulation.record(Happening(at=begin, what="start", says="by hand", run=1, playbook=compiled.playbook))
            simulation.noted.insert(0, simulation.noted.pop())
            simulation.stop_at(begin)
        simulation.advance(local_midnight(first + timedelta(days=days), zone))
    except Circle as circle:
        broken = str(circle)
    lines = tuple(
        Told(
            day=(local_date(one.at, zone) - first).days,
            on=local_date(one.at, zone),
            one=one,
            written=_written(one, {**texts.people, **facts}, recipient, account.workspace, texts),
        )
        for one, facts, recipient in simulation.noted
    )
    ending = simulation.runs[-1].ending if simulation.runs else None
    return Trial(
        lines=lines,
        started=bool(simulation.runs),
        ending=(ending.outcome, ending.reason) if ending else None,
        broken=broken,
    )


class _Noting(Simulation):
    """Keeps the facts beside each happening, and who is written to, as they were."""

    def __init__(self, playbooks: Sequence[Compiled], account: Account, people: People) -> None:
        super().__init__(playbooks, account, people)
        self.noted: list[tuple[Happening, Mapping[str, Any], Contact | None]] = []

    def record(self, happening: Happening) -> None:
        super().record(happening)
        self.noted.append((happening, dict(self.account.values), self._recipient(happening)))

    def _recipient(self, happening: Happening) -> Contact | None:
        """The first, where a mail goes to several."""
        asked = happening.values
        if asked.get("reviewed"):
            return self.account.contact(self.drafted[happening.run, happening.step])
        if "mode" not in asked:
            return None
        return next(iter(by_address(self.account.recipients(asked["to"], asked["mode"]))), None)


_WORDS = ("name", "first_name", "email")


def _written(
    one: Happening, values: Mapping[str, Any], recipient: Contact | None, workspace: Workspace, texts: Texts
) -> Written | None:
    if recipient is not None:
        values = {**values, **{f"recipient.{word}": told for word, told in recipient.words().items()}}
    if role := one.values.get("from"):
        values = {**values, **{f"sender.{word}": values.get(f"{role}.{word}") for word in _WORDS}}
    try:
        if one.what == "task":
            params = one.values
            return Written(
                subject=render_line(params["title"], values), text=render_line(params["description"], values)
            )
        if recipient is None:
            return None
        translations = one.values.get("translations") or {}
        hash_ = in_locale(translations, recipient.locale or values.get("account.locale"), one.values["text"])
        if mail := texts.mails(hash_):
            told = translations if hash_ != one.values["text"] else {}
            language = next((locale for locale, other in told.items() if other == hash_), None)
            rendered = preview_mail(mail, values, workspace, language=language, asks=one.values.get("asks"))
            return Written(subject=rendered.subject, text=rendered.plain)
    except RenderError as error:
        return Written(subject="", problem=str(error))
    return None
