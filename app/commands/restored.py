"""`tenure restored`: PostgreSQL was brought back from an older copy, which counts from now on."""

import asyncio
from pathlib import Path

from app.errors import ServerAway
from app.running import Services, UsageError, plain, say, show
from app.tables import count, when
from store import clock
from store.set_back import GoneOn
from store.working import alone
from workflows.restoring import go_on_from_copy


def restored(home: Path | None, *, as_json: bool) -> None:
    """Before workers are started again."""
    with Services(home, must_exist=True) as services:
        with services.database.connect() as conn:
            if clock.is_virtual(conn):
                raise UsageError("the clock is virtual: such a database is driven anew, and nothing of it is outside")
        with alone(services.database):
            found = asyncio.run(_go_on(services))
    if as_json:
        show(plain(found))
        return
    since = f"{when(found.since)} UTC" if found.since else "before anything ran"
    print(f"going on from the copy of {since}: {count(found.runs, 'open run')} will start again from where it has them")
    if found.mails or found.errands:
        say(
            f"{count(found.mails, 'mail')} and {count(found.errands, 'request')} were due and may have left: what "
            "cannot be found out is unknown, and not sent again (tenure mails --state unknown)"
        )
    if found.due:
        say(
            f"{count(len(found.due), 'run')} had a moment since, and will do again what came then, mails included. "
            f"Look at them before you start workers: {', '.join(map(str, found.due[:20]))}"
        )


async def _go_on(services: Services) -> GoneOn:
    client = await services.temporal()
    try:
        return await go_on_from_copy(services.database, client)
    except TimeoutError as error:
        where = client.service_client.config.target_host
        raise ServerAway("Temporal", where, "It does not let go of a run. Repeat the command.") from error
