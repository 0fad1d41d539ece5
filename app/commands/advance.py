"""`tenure advance`: drives a virtual clock day by day, with a worker of its own beside it."""

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path

from app.running import Services, UsageError, plain, say, show
from engine.calendars import local_date, local_midnight


def advance_to(to: datetime, home: Path | None, *, as_json: bool) -> None:
    """Every instant at which something is due is a stop; each day is reported."""
    from store import clock
    from store.deployed import load_workspace
    from store.queries.overview import counts

    with Services(home) as services:
        with services.database.connect() as conn:
            workspace = load_workspace(conn)
            if not clock.is_virtual(conn):
                raise UsageError(
                    "the clock is real and drives itself. A virtual one is set by: tenure import … --as-of DATE"
                )
            now = clock.now(conn)
        midnight = to.time() == datetime.min.time()
        until = local_midnight(to.date(), workspace.zone) if midnight else to.astimezone()
        if until < now:
            raise UsageError(f"the clock stands at {now.isoformat()} and never goes back")
        asyncio.run(drive(services, now, until, workspace.zone))
        with services.database.connect() as conn:
            found = counts(conn, until)
    if as_json:
        show({"clock": until, **plain(found)})
    else:
        print(f"clock: {until.isoformat()}")
        for name, value in plain(found).items():
            print(f"{name:>16}: {value}")


async def drive(services: Services, now: datetime, until: datetime, zone: str) -> None:
    """Drive from one instant to another, with a worker in this process."""
    from app.connectors import open_ports
    from workflows.driver import Driver
    from workflows.worker import playbook_worker

    client = await services.temporal()
    ports = await asyncio.to_thread(open_ports, services.database)
    async with playbook_worker(client, services.database, ports):
        driver = Driver(services.database, client, ports)
        await driver.settle(now)
        while now < until:
            began = time.monotonic()
            day = local_date(now, zone)
            now = min(until, local_midnight(day + timedelta(days=1), zone))
            await driver.advance(now)
            say(f"{day} done in {time.monotonic() - began:.2f} s")
