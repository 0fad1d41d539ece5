"""Lets runs go on after a person did something: a virtual clock stands still, so this drives its present instant."""

import asyncio
from datetime import datetime

from app.running import Services


def go_on(services: Services) -> str:
    """Let every run act until it rests; what is to be told about it in a few words. Nothing to do on a real clock."""
    from store import clock

    with services.database.connect() as conn:
        if not clock.is_virtual(conn):
            return "a worker carries it on"
        now = clock.now(conn)
    return asyncio.run(_settle(services, now))


async def _settle(services: Services, now: datetime) -> str:
    from app.commands.worker_beside import worker_beside
    from app.connectors import open_ports
    from store.driving import AlreadyDriven, driving
    from workflows.driver import Driver

    try:
        with driving(services.database):
            client = await services.temporal()
            ports = await asyncio.to_thread(open_ports, services.database)
            driver = Driver(services.database, client, ports)
            try:
                async with worker_beside(client, services.database, ports):
                    await driver.settle(now)
            finally:
                await driver.close()
    except AlreadyDriven:
        return "whoever drives the clock carries it on"
    return "its run went on"
