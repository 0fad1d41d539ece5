"""`tenure migrate|worker|web|up`: the long-running processes."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from app.giving_way import give_way
from app.listening import free_port
from app.running import AWAY, Services, say

if TYPE_CHECKING:
    from web.openid import OpenId

_OFTEN = 10_000, 5, 4
"""After so many new objects the young are looked through for garbage, after 5 times as many their elders, and after
another 4 times as many all of them: what is let go of is found before it weighs as much as what is kept."""
_PATIENCE = 3
"""Seconds for requests under way when the process is to end; pages that listen for news would never go."""
_LONGEST_END = 18.0
"""Seconds a worker may take to end: longer than its grace for what is under way, shorter than the patience of those who
asked it."""


def run_migrate(home: Path | None) -> None:
    """Bring the database to the newest tables."""
    with Services(home) as services:
        services.migrate()
    say("the database is up to date")


def run_worker_process(home: Path | None, *, held: bool) -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way, unless that takes too long.

    `held`: only after a line on standard input. What work needs is imported meanwhile; whoever holds it and dies
    lets it end.
    """
    with Services(home) as services:
        _start_logging(services)
        if held and not _told_to_work():
            return
        _run(lambda stop: _work(services, stop), asked=_end_in_time)


def run_web_process(home: Path | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    with Services(home) as services:
        # Said before the first log line, and not by the server's own last one.
        free_port(services.settings)
        _start_logging(services)
        _run(lambda stop: _serve(services, stop))


def run_up(home: Path | None) -> None:
    """Servers, worker and web as children, supervised, until a signal."""
    from app.supervise import supervise

    with Services(home) as services:
        _start_logging(services)
        free_port(services.settings)
        services.database.connect().close()
        asyncio.run(supervise(services, announce=say))


def _told_to_work() -> bool:
    with ThreadPoolExecutor(1, initializer=give_way) as meanwhile:
        meanwhile.submit(_import_for_work).result()
    return bool(sys.stdin.readline())


def _import_for_work() -> None:
    for needed in ("app.connectors", "app.temporal", "workflows.worker", "holidays.countries"):
        import_module(needed)


async def _work(services: Services, stop: asyncio.Event) -> None:
    from app.connectors import open_ports
    from app.temporal import prepare_namespace
    from workflows.worker import run_worker

    await asyncio.to_thread(_compare_settings, services)
    client = await services.temporal(core_log=True)
    ports = await asyncio.to_thread(open_ports, services.database)
    embedded = not services.settings.temporal_configured
    look_for_garbage()
    await run_worker(client, services.database, ports, stop, lambda: prepare_namespace(client, embedded=embedded))


def _end_in_time() -> None:
    """Acts that can never settle are tried again for ever, and Temporal's worker waits for them as long. All that was
    done is committed; what was not, the next worker is handed."""

    def leave() -> None:
        say(f"tenure: what is under way does not settle within {_LONGEST_END:.0f} s; the next worker takes it up")
        os._exit(AWAY)

    watchdog = threading.Timer(_LONGEST_END, leave)
    watchdog.daemon = True
    watchdog.start()


async def _serve(services: Services, stop: asyncio.Event) -> None:
    import uvicorn

    from app.connectors import replies_secret, sendgrid_key
    from web.app import create_app
    from web.deps import WebDeps

    settings = services.settings
    ui = None if settings.temporal_configured else services.servers.temporal().ui_url
    deps = WebDeps(
        engine=services.database,
        temporal_answers=_temporal_probe(services),
        api_token=settings.api_token,
        signing_key=settings.signing_key,
        public_url=settings.public_url,
        tell_private=settings.tell_private,
        openid=_identity_provider(settings.openid),
        sendgrid_key=lambda: sendgrid_key(services.database),
        replies_secret=lambda: replies_secret(services.database),
        temporal_ui=ui.rstrip("/") if ui else None,
    )
    config = uvicorn.Config(
        create_app(deps),
        host=settings.web_host,
        port=settings.web_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_PATIENCE,
    )
    await asyncio.to_thread(_compare_settings, services)
    server = uvicorn.Server(config)
    look_for_garbage()
    # The signals are ours, so that worker and web stop alike.
    serving = asyncio.create_task(server._serve())  # noqa: SLF001 - `serve` would take over the signals
    await asyncio.wait([serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


def _compare_settings(services: Services) -> None:
    """A change is told as well: nobody can know which of two processes is right."""
    from store.alike import tell_settings

    mine = {"TENURE_SIGNING_KEY": services.settings.signing_key, "TENURE_PUBLIC_URL": services.settings.public_url}
    with services.database.begin() as conn:
        others = tell_settings(conn, mine)
    for name in others:
        structlog.get_logger(__name__).warning(
            "settings.differ", setting=name, hint="the process that started before has another; give all the same"
        )


def look_for_garbage() -> None:
    """For a process that stays, once it has imported what it needs: that is never looked at again, all else often.

    Short commands gain by hardly looking (`app.__main__`). But a run that Temporal's worker lets go of is a circle of
    objects, which nothing else finds: ten thousand that sleep would fill the memory, whatever is kept of runs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_OFTEN)


def _identity_provider(settings: tuple[str, str, str | None] | None) -> "OpenId | None":
    from web.openid import OpenId, OpenIdSettings

    if settings is None:
        return None
    issuer, client_id, client_secret = settings
    return OpenId(OpenIdSettings(issuer=issuer, client_id=client_id, client_secret=client_secret))


def _temporal_probe(services: Services) -> Callable[[], Awaitable[bool]]:
    """Connects when first asked, so that pages are served while Temporal is away."""
    from temporalio.client import Client

    client: Client | None = None

    async def probe() -> bool:
        nonlocal client
        if client is None:
            client = await services.temporal(core_log=True)
        return bool(await client.service_client.check_health())

    return probe


def _start_logging(services: Services) -> None:
    from app.logs import set_up_logs

    set_up_logs(services.settings.log_format)


def _run(work: Callable[[asyncio.Event], Awaitable[None]], *, asked: Callable[[], None] = lambda: None) -> None:
    """`asked` is called when the process is asked to end."""

    async def main() -> None:
        stop = asyncio.Event()

        def end() -> None:
            stop.set()
            asked()

        for which in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(which, end)
        await work(stop)

    asyncio.run(main())
