"""`tenure demo`: a living book of business on embedded servers, in virtual time."""

import asyncio
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands import demo_past
from app.giving_way import give_way
from app.listening import free_port
from app.running import Services, UsageError, say
from app.stopping import stopped_in_a_line

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.book.book import Book
    from app.book.life import Life
    from app.book.news import News
    from app.supervise import Children
    from engine.project import Project

START = date(2026, 3, 2)
"""The demo's first day, a Monday: the same book for everybody."""
_PLAYBOOKS = Path(__file__).resolve().parent.parent.parent / "playbooks"
_DEFAULT_HOME = ".tenure-demo"
_LOOK = 0.2
"""Seconds between looks for what people did on the pages while the virtual clock stands."""


def run_demo(*, home: Path | None, once: bool, days: int, speed: float, accounts: int, seed: int) -> None:
    """With `once`, run so many days, print the counts as one JSON line, and return; else live until Ctrl-C."""
    began = time.monotonic()
    with Services(home, default_home=_DEFAULT_HOME, durable=False) as services:
        free_port(services.settings)
        say(f"Tenure demo in {services.settings.home}")
        try:
            with stopped_in_a_line("stopped before it was ready; the next start goes on"):
                life, children = _prepare(services, accounts, seed)
            say(f"ready after {time.monotonic() - began:.1f} s")
            counts = asyncio.run(_live(services, life, children, days if once else None, None if once else speed))
        finally:
            # Whoever starts over removes the home next: under servers that still run, that would ruin the new ones.
            services.servers.end()
    if once:
        print(json.dumps(counts, ensure_ascii=False, allow_nan=False))


def _prepare(services: Services, accounts: int, seed: int) -> "tuple[Life, Children]":
    """The book's past, the playbooks; on a second start only what is missing. The worker waits to be let go.

    What takes longest begins first, and everything else happens meanwhile and gives way to it: the past is written
    while the database starts, and taken in while Temporal starts, playbooks are deployed, and the worker imports what
    it needs.
    """
    is_new = not services.settings.home.joinpath("postgres").exists()
    _ = services.servers
    with (
        demo_past.another_process() as writer,
        ThreadPoolExecutor() as beside,
        ThreadPoolExecutor(1, initializer=give_way) as meanwhile,
    ):
        if is_new:
            writer.submit(demo_past.write, seed, accounts, START)
        beside.submit(lambda: services.database_url)  # whoever needs it asks again, and hears of trouble then
        from app.book.book import Book
        from app.book.life import Life, is_known
        from app.supervise import children, stop_all
        from store.driving import refuse_if_driven

        database = services.database
        known = is_known(database)
        refuse_if_driven(database)
        past = None if known else writer.submit(demo_past.begin, seed, accounts, START, services.database_url)
        if not services.settings.temporal_configured:
            beside.submit(services.servers.temporal)
        processes = children(services)
        processes.worker.held = True
        try:
            processes.worker.tick()
            deployed = meanwhile.submit(_deploy, database, None if known else Book(seed, accounts, START))
            if past is not None:
                book, told = past.result()
                say(f"{told:,} facts of a year taken in")
            else:
                book = Book(seed, accounts, START)
            project, now = deployed.result()
        except BaseException:
            stop_all(processes.worker)
            raise
        if known:
            say(f"the book is there; the clock stands at {now:%Y-%m-%d %H:%M} UTC")
    return Life(database, project, book), processes


def _deploy(database: "sa.Engine", book: "Book | None") -> "tuple[Project, datetime]":
    """Deploy the shipped playbooks, and have at hand what the first day needs; what is deployed, and at which instant.

    `book`: one that the database does not know yet, and whose clock does not stand at its start.
    """
    from app.book.life import beginning, publish
    from store import clock
    from store.deciding import sweep
    from store.expressions.zones import ensure_zones

    project = _project()
    with database.connect() as conn:
        now = clock.now(conn) if book is None else beginning(START)
    publish(database, project, now)
    if book is not None:
        with database.begin() as conn:
            ensure_zones(conn, {company.place.zone for company in book.companies})
        sweep.prepare(database)
    for needed in ("workflows.driver", "app.connectors", "app.book.news", "holidays.countries", "email_validator"):
        import_module(needed)
    return project, now


def _project() -> "Project":
    from app.files import read_folder
    from engine.project import read_project

    # Nobody plays their scenarios here; to read them takes a third of the time.
    files = {name: text for name, text in read_folder(_PLAYBOOKS).items() if Path(name).name != "scenarios.yaml"}
    project = read_project(files, str(_PLAYBOOKS))
    if project.workspace is None or project.broken:
        raise UsageError("the shipped playbooks are broken; run: tenure check " + str(_PLAYBOOKS))
    return project


async def _live(
    services: Services, life: "Life", children: "Children", days: int | None, speed: float | None
) -> dict[str, Any]:
    from app.book.news import News
    from app.commands.demo_users import ways_in
    from app.connectors import open_ports
    from app.supervise import stop_all
    from store import clock
    from store.driving import driving
    from workflows.driver import Driver

    worker, web, address = children
    stop = asyncio.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(which, stop.set)
    with driving(services.database):
        # Not before: it must not act on a database of an earlier demo that is being prepared.
        worker.let_go()
        client = await services.temporal()
        if not services.settings.temporal_configured:
            say(f"Temporal's pages: {services.servers.temporal().ui_url}")
        say(f"Tenure's pages:   {address} (there in a few seconds)")
        if days is None:
            for line in await asyncio.to_thread(ways_in, services):
                say(line)
        say(f"Command line:     ./dev tenure tasks --home {services.settings.home}")
        news = News(services.database, say)

        def look(now: datetime) -> None:
            life.look(now)
            news.tell_in_passing()

        driver = Driver(services.database, client, await asyncio.to_thread(open_ports, services.database), after=look)
        life.appoint = driver.appoint
        try:
            with services.database.connect() as conn:
                now = clock.now(conn)
            await asyncio.to_thread(life.look, now)
            await driver.settle(now)
            await _days(driver, life, news, now, days, speed, stop, (worker, web))
            return await asyncio.to_thread(life.counts)
        finally:
            await driver.close()
            await asyncio.to_thread(stop_all, worker, web)


async def _days(  # noqa: PLR0917 - the demo's whole world
    driver: Any,
    life: "Life",
    news: "News",
    now: datetime,
    days: int | None,
    speed: float | None,
    stop: asyncio.Event,
    watched: Any,
) -> None:
    """Day after day: its facts are staged, the clock is driven through it, the news is told."""
    day, left = now.astimezone(UTC).date(), days
    while not stop.is_set() and (left is None or left > 0) and life.knows(day):
        began = time.monotonic()
        await asyncio.to_thread(life.stage, day)
        day += timedelta(days=1)
        until = datetime(day.year, day.month, day.day, tzinfo=UTC)
        advancing = asyncio.create_task(driver.advance(until))
        await asyncio.wait([advancing, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        if not advancing.done():
            advancing.cancel()
            await asyncio.gather(advancing, return_exceptions=True)
            return
        await advancing
        await asyncio.to_thread(news.tell)
        # The pages come up with the second day: while they start, the first would take longer.
        for process in watched:
            process.tick()
        left = None if left is None else left - 1
        if speed is not None:
            await _stand_still(driver, until, began + 1 / speed, stop)
    if days is None and not stop.is_set():
        say("the book has no more pages; the pages of Tenure stay up until Ctrl-C")
        while not stop.is_set():
            await _stand_still(driver, datetime(day.year, day.month, day.day, tzinfo=UTC), time.monotonic() + 1, stop)


async def _stand_still(driver: Any, now: datetime, until: float, stop: asyncio.Event) -> None:
    """While the clock stands, what people do on the pages takes effect at once."""
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        try:
            await asyncio.wait_for(stop.wait(), min(left, _LOOK))
        except TimeoutError:
            await driver.settle_if_told(now)
