"""What the page of an account shows: health and its way, facts, people, runs, and all that happened or did not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.health.scorecards import TOP
from store.current.overrides import Override, overrides_of
from store.deployed import load_workspace
from store.explain import Explanation, Told, explain
from store.explain.playbooks import PlaybookExplained
from store.explain.scores import ScoreExplained
from store.people import Contact, contacts_of
from store.queries.contributions import points_at
from store.queries.names import people_named
from store.queries.scores import MOVEMENT, ScoreLine, score_line
from store.queries.timeline import SHOWN, Moment, timeline
from web.drawing.score_chart import BandArea

_SHOWN = timedelta(days=180)
_HEAD = (
    "account.arr",
    "account.renewal_date",
    "account.segment",
    "account.lifecycle",
    "account.csm",
    "account.country",
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One component of the score, beside what it brought in thirty days ago."""

    id: str
    input: str
    value: Any
    points: float | None
    weight: float
    state: str
    told_at: datetime | None
    before: float | None


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One field with its value, and where it comes from."""

    name: str
    value: Any
    told: Told | None


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    id: int
    key: str
    name: str
    unread: bool
    """More was told of it than the last sweep has read."""
    line: ScoreLine | None
    score: ScoreExplained | None
    card: str | None
    """The one whose score is shown, and may be overridden."""
    override: Override | None
    """What is in force now."""
    override_by: str | None
    """By name."""
    bands: tuple[BandArea, ...]
    parts: tuple[Part, ...]
    head: Mapping[str, Any]
    csm: str | None
    """By name."""
    facts: tuple[Fact, ...]
    contacts: tuple[Contact, ...]
    running: tuple[PlaybookExplained, ...]
    others: tuple[PlaybookExplained, ...]
    """Those that wait for nothing in particular come last, by what they all say."""
    by_hand: tuple[PlaybookExplained, ...]
    """Those with a manual trigger, which a person may start."""
    moments: tuple[Moment, ...]
    earlier: datetime | None
    """Hand it in as `until` for what was before."""


def account_page(  # noqa: PLR0917 - read aloud: of this account, of its card, at this instant, before then
    conn: sa.Connection, key: str, account_id: int, card: str | None, now: datetime, until: datetime | None
) -> AccountPage:
    """NothingDeployed before the first deploy."""
    explained = explain(conn, key, now, apart=False)
    assert explained is not None
    score = next((one for one in explained.scores if one.card == card), None)
    moments = timeline(conn, account_id, until or now + timedelta(seconds=1))
    override = score.override if score else overrides_of(conn, account_id, now).get(card or "")
    csm = explained.facts.get("account.csm")
    names = people_named(conn, [key for key in (csm, override and override.author) if isinstance(key, str)])
    running = tuple(one for one in explained.playbooks if one.verdict == "running")
    return AccountPage(
        id=account_id,
        key=key,
        name=explained.name,
        unread=explained.unread,
        line=score_line(conn, account_id, card, now, _SHOWN) if card else None,
        score=score,
        card=card,
        override=override,
        override_by=names.get(override.author) if override else None,
        bands=_bands(conn, card),
        parts=_parts(conn, account_id, score, now),
        head={name: explained.facts.get(name) for name in _HEAD if explained.facts.get(name) is not None},
        csm=names.get(csm) if isinstance(csm, str) else None,
        facts=_facts(explained),
        contacts=tuple(contacts_of(conn, account_id)),
        running=running,
        others=_others(explained),
        by_hand=tuple(one for one in explained.playbooks if any(t.kind == "manual" for t in one.triggers)),
        moments=moments,
        earlier=moments[-1].at if len(moments) == SHOWN else None,
    )


def _others(explained: Explanation) -> tuple[PlaybookExplained, ...]:
    found = [one for one in explained.playbooks if one.verdict != "running"]
    return tuple(sorted(found, key=lambda one: (True, one.says) if one.verdict == "waiting" else (False, "")))


def _bands(conn: sa.Connection, card: str | None) -> tuple[BandArea, ...]:
    variants = load_workspace(conn).cards().get(card or "", ())
    bands = sorted(variants[0].bands, key=lambda band: band.range.low) if variants else []
    ends = [*(band.range.low for band in bands[1:]), TOP]
    return tuple(
        BandArea(name=band.name, lowest=band.range.low, highest=end) for band, end in zip(bands, ends, strict=True)
    )


def _parts(conn: sa.Connection, account_id: int, score: ScoreExplained | None, now: datetime) -> tuple[Part, ...]:
    if score is None:
        return ()
    before = points_at(conn, account_id, score.card, now - MOVEMENT)
    return tuple(
        Part(
            id=one.id,
            input=one.input,
            value=one.value,
            points=one.points,
            weight=one.weight,
            state=one.state,
            told_at=one.told_at,
            before=before.get(one.id),
        )
        for one in score.contributions
    )


def _facts(explained: Explanation) -> tuple[Fact, ...]:
    """Known ones first; each in the order of its name."""
    found = [Fact(name=name, value=value, told=explained.told.get(name)) for name, value in explained.facts.items()]
    return tuple(sorted(found, key=lambda fact: (fact.value is None, fact.name)))
