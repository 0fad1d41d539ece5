"""Playbooks as operators look at them: what each is, how many came in, stand and reached the goal, and its versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from engine.outline import outline
from engine.plan import Compiled
from engine.steps.email import EmailStep
from engine.steps.survey import SurveyStep
from engine.texts.document import MailText
from store.deployed import load_compiled
from store.queries.business.intervals import Share
from store.schema import crossing, playbook, playbook_version, run, text


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Of one playbook: crossings and ended runs since an instant, and what is open now."""

    crossings: Mapping[str, int] = field(default_factory=dict)
    """By what became of them: started, held_out, not_started, lapsed, dropped."""
    held: int = 0
    """Crossings that wait now."""
    open: int = 0
    stuck: int = 0
    ended: Share = field(default_factory=lambda: Share(n=0, of=0))
    """Ended runs, and those of them that reached the goal."""


@dataclass(frozen=True, kw_only=True)
class PlaybookRow:
    id: str
    title: str
    owner: str
    state: str
    """active | paused | off"""
    version: int
    deployed_at: datetime
    has_goal: bool
    tally: Tally


@dataclass(frozen=True, kw_only=True)
class Version:
    number: int
    deployed_at: datetime
    open: int
    """Runs that are on it now."""
    runs: int
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """A version as it was written and as it was understood."""

    number: int
    text: str
    compiled: Compiled


def list_playbooks(conn: sa.Connection, since: datetime) -> Sequence[PlaybookRow]:
    """All of them, by name."""
    of = playbook_version.c
    query = (
        sa.select(
            playbook,
            of.deployed_at,
            of.title,
            of.compiled["owner"].astext.label("owner"),
            (sa.func.jsonb_typeof(of.compiled["plan"]["goal"]) == "object").label("has_goal"),
        )
        .join(playbook_version, sa.and_(of.playbook == playbook.c.id, of.version == playbook.c.version))
        .order_by(playbook.c.id)
    )
    tallies = _tallies(conn, since)
    return [
        PlaybookRow(
            id=row.id,
            title=row.title or row.id,
            owner=row.owner or "",
            state=row.state,
            version=row.version,
            deployed_at=row.deployed_at,
            has_goal=bool(row.has_goal),
            tally=tallies.get(row.id, Tally()),
        )
        for row in conn.execute(query)
    ]


def get_playbook(conn: sa.Connection, name: str, since: datetime) -> PlaybookRow | None:
    return next((one for one in list_playbooks(conn, since) if one.id == name), None)


def versions_of(conn: sa.Connection, name: str) -> Sequence[Version]:
    """Latest first."""
    of, current = playbook_version.c, sa.select(playbook.c.version).where(playbook.c.id == name).scalar_subquery()
    runs = (
        sa.select(
            run.c.version,
            sa.func.count().label("runs"),
            sa.func.count().filter(run.c.state == "open").label("open"),
        )
        .where(run.c.playbook == name)
        .group_by(run.c.version)
        .subquery()
    )
    query = (
        sa.select(of.version, of.deployed_at, runs.c.runs, runs.c.open, (of.version == current).label("current"))
        .outerjoin(runs, runs.c.version == of.version)
        .where(of.playbook == name)
        .order_by(of.version.desc())
    )
    return [
        Version(
            number=row.version,
            deployed_at=row.deployed_at,
            open=row.open or 0,
            runs=row.runs or 0,
            is_current=row.current,
        )
        for row in conn.execute(query)
    ]


def source_of(conn: sa.Connection, name: str, version: int) -> Source | None:
    of = playbook_version.c
    row = conn.execute(sa.select(of.source).where(of.playbook == name, of.version == version)).one_or_none()
    if row is None:
        return None
    return Source(number=version, text=row.source, compiled=load_compiled(conn, name, version))


def _tallies(conn: sa.Connection, since: datetime) -> Mapping[str, Tally]:
    crossings: dict[str, dict[str, int]] = {}
    held: dict[str, int] = {}
    recent = sa.select(crossing.c.playbook, crossing.c.state, sa.func.count().label("n")).where(
        sa.or_(crossing.c.at > since, crossing.c.state == "held")
    )
    for name, state, n in conn.execute(recent.group_by(crossing.c.playbook, crossing.c.state)):
        if state == "held":
            held[name] = n
        else:
            crossings.setdefault(name, {})[state] = n
    is_open, ended = run.c.state == "open", sa.and_(run.c.state == "ended", run.c.ended_at > since)
    runs = sa.select(
        run.c.playbook,
        sa.func.count().filter(is_open).label("open"),
        sa.func.count().filter(is_open, run.c.standing == "stuck").label("stuck"),
        sa.func.count().filter(ended).label("ended"),
        sa.func.count().filter(ended, run.c.outcome == "goal").label("goal"),
    ).group_by(run.c.playbook)
    found = {row.playbook: row for row in conn.execute(runs)}
    return {
        name: Tally(
            crossings=crossings.get(name, {}),
            held=held.get(name, 0),
            open=found[name].open if name in found else 0,
            stuck=found[name].stuck if name in found else 0,
            ended=Share(n=found[name].goal, of=found[name].ended) if name in found else Share(n=0, of=0),
        )
        for name in {*crossings, *held, *found}
    }


def texts_of(conn: sa.Connection, compiled: Compiled) -> Mapping[str, MailText]:
    """The mails of a version by the names of their files."""
    names: dict[str, str] = {}
    for found in outline(compiled.plan):
        step = found.step
        if isinstance(step, EmailStep | SurveyStep):
            names[step.template] = step.text
            names |= {f"{step.template}.{locale}": hash_ for locale, hash_ in step.translations.items()}
    rows = conn.execute(sa.select(text.c.hash, text.c.content).where(text.c.hash.in_(names.values())))
    texts = {row.hash: MailText.model_validate(row.content) for row in rows}
    return {name: texts[hash_] for name, hash_ in names.items() if hash_ in texts}
