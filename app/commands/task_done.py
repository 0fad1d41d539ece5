"""`tenure task done`: a CSM completes a task, and the run goes on."""

import asyncio
from pathlib import Path

from app.running import FINDINGS, Services, plain, say, show


def complete_task(
    number: int, outcome: str, note: str | None, by: str | None, home: Path | None, *, as_json: bool
) -> int:
    """0 when it is done (or was, the same way); 1 when it is refused.

    Under a virtual clock nobody else drives, so this drives the standing instant until the run rests again.
    """
    import sqlalchemy as sa

    from store import clock
    from store.schema import task
    from store.tasks import Refused, complete

    with Services(home) as services:
        with services.database.begin() as conn:
            assignee = conn.execute(sa.select(task.c.assignee).where(task.c.id == number)).scalar()
            answer = complete(conn, number, outcome, note, by or assignee or "somebody", clock.now(conn))
            virtual = clock.is_virtual(conn)
        if isinstance(answer, Refused):
            say(f"tenure: {answer.message}. {answer.hint}".rstrip())
            if as_json:
                show({"refused": plain(answer)})
            return FINDINGS
        went_on = asyncio.run(_go_on(services)) if virtual else None
    if as_json:
        show(plain(answer))
    else:
        print(f"task {answer.task_id} is done: {answer.outcome}" + (" (it already was)" if answer.repeated else ""))
        if went_on:
            print(went_on)
    return 0


async def _go_on(services: Services) -> str:
    from app.connectors import open_ports
    from store import clock
    from store.driving import is_driven
    from workflows.driver import Driver
    from workflows.worker import playbook_worker

    with services.database.connect() as conn:
        if is_driven(conn):
            return "its run goes on with the clock that is being driven"
        now = clock.now(conn)
    client = await services.temporal()
    ports = await asyncio.to_thread(open_ports, services.database)
    async with playbook_worker(client, services.database, ports):
        await Driver(services.database, client, ports).settle(now)
    return "its run went on"
