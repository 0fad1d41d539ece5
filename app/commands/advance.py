"""`tenure advance`: drives a virtual clock day by day, with a worker of its own beside it."""

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.running import Services, UsageError, plain, say, show
from app.tables import count, when
from engine.calendars import local_date, local_midnight
from store import clock
from store.deciding.breaker import list_incidents
from store.deployed import load_workspace
from store.driving import driving
from store.queries.overview import Counts, counts


def advance_to(to: datetime, home: Path | None, *, as_json: bool) -> None:
    """Every instant at which something is due is a stop; each day is reported on standard error."""
    with Services(home, must_exist=True) as services:
        with services.database.connect() as conn:
            zone = load_workspace(conn).zone
            if not clock.is_virtual(conn):
                raise UsageError(
                    "the clock is real and drives itself. A virtual one is set by: tenure import … --as-of DATE"
                )
            now = clock.now(conn)
            before = counts(conn, now)
        until = _instant(to, zone)
        if until < now:
            raise UsageError(f"the clock stands at {when(now)} UTC and never goes back to {when(until)}")
        # Only one process may drive a clock, and whoever holds the reins gives them up by dying.
        with driving(services.database):
            asyncio.run(_drive(services, now, until, zone))
        with services.database.connect() as conn:
            after = counts(conn, until)
            breakers = list_incidents(conn)
    if as_json:
        news = _news(before, after)
        show({"from": now, "clock": until, "new": news, **plain(after), "breakers": plain(breakers)})
    else:
        _print(now, until, _news(before, after), after)
    for one in breakers:
        say(f"breaker {one.id} holds back {one.held:,} starts of {one.playbook}: {one.why}")
        say(f"see: tenure breaker show {one.id}")


def _instant(to: datetime, zone: str) -> datetime:
    """A day begins at the workspace's midnight, and times are the workspace's."""
    midnight = to.time() == datetime.min.time()
    return local_midnight(to.date(), zone) if midnight else to.replace(tzinfo=ZoneInfo(zone))


async def _drive(services: Services, now: datetime, until: datetime, zone: str) -> None:
    from app.commands.worker_beside import worker_beside
    from app.connectors import open_ports
    from workflows.driver import Driver

    client = await services.temporal()
    ports = await asyncio.to_thread(open_ports, services.database)
    driver = Driver(services.database, client, ports)
    try:
        async with worker_beside(client, services.database, ports):
            before = await asyncio.to_thread(_counts, services.database, now)
            # What was left undone at the standing instant comes first.
            await driver.settle(now)
            while now < until:
                day = local_date(now, zone)
                now = min(until, local_midnight(day + timedelta(days=1), zone))
                await driver.advance(now)
                after = await asyncio.to_thread(_counts, services.database, now)
                say(f"{day}  {_told(_news(before, after)) or '-'}")
                before = after
    finally:
        await driver.close()


def _counts(database: sa.Engine, now: datetime) -> Counts:
    with database.connect() as conn:
        return counts(conn, now)


_NOUNS = {
    "runs_started": ("run started", "runs started"),
    "runs_ended": ("run ended", "runs ended"),
    "tasks_created": ("task given", "tasks given"),
    "mails": ("mail settled", "mails settled"),
    "runs_stuck": ("run stuck", "runs stuck"),
}


def _news(before: Counts, after: Counts) -> dict[str, int]:
    """By how much the counts grew."""
    return {
        one.name: grown
        for one in fields(Counts)
        if one.name in _NOUNS and (grown := _total(getattr(after, one.name)) - _total(getattr(before, one.name))) > 0
    }


def _total(value: int | Mapping[str, int]) -> int:
    return value if isinstance(value, int) else sum(value.values())


def _told(news: Mapping[str, int]) -> str:
    return ", ".join(count(news[name], *words) for name, words in _NOUNS.items() if name in news)


def _print(now: datetime, until: datetime, news: Mapping[str, int], found: Counts) -> None:
    print(f"clock     {when(now)} → {when(until)} UTC: {_told(news) or 'nothing new'}")
    print(f"accounts  {found.accounts:,}, of which {found.scored:,} have a score")
    print(f"runs      {found.runs_open:,} open, {found.runs_stuck:,} of them stuck; {_ended(found.runs_ended)}")
    print(f"held      {count(found.held, 'crossing waits', 'crossings wait')} for an obstacle to go")
    print(
        f"tasks     {found.tasks_open:,} open, {found.tasks_overdue:,} of them overdue; {found.tasks_completed:,} done"
    )
    mails = ", ".join(f"{number:,} {state}" for state, number in sorted(found.mails.items()))
    print(f"mails     {mails or 'none'}")


def _ended(by_reason: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(by_reason.items()))
    return f"{sum(by_reason.values()):,} ended" + (f" ({reasons})" if reasons else "")
