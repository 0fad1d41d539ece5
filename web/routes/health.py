"""For whoever runs Tenure: is it alive, can it work, and in numbers how."""

import asyncio
import logging
from collections.abc import Awaitable

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from store.postgres.outages import why_away
from store.readiness import is_current, is_read_only
from web.access import Public
from web.deps import Deps
from web.metrics import CONTENT_TYPE, Metrics

log = logging.getLogger(__name__)
_PATIENCE = 3.0
"""Seconds; an orchestrator's probe gives up not much later."""

probes = APIRouter(tags=["probes"], dependencies=[Public])


@probes.get("/healthz")
@probes.head("/healthz", include_in_schema=False)
def healthz() -> dict[str, str]:
    """This process answers; nothing else is asked."""
    return {"status": "alive"}


@probes.get("/readyz")
@probes.head("/readyz", include_in_schema=False)
async def readyz(deps: Deps) -> Response:
    """PostgreSQL answers, takes changes and has today's tables, and Temporal answers; 503 says which does not."""
    database, temporal = await asyncio.gather(
        _in_time(run_in_threadpool(_database, deps.engine), "no answer"),
        _in_time(_temporal(deps), "no answer"),
    )
    ready = database == temporal == "ready"
    content = {"status": "ready" if ready else "not ready", "postgresql": database, "temporal": temporal}
    return JSONResponse(content, 200 if ready else 503)


@probes.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Prometheus's text format."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type=CONTENT_TYPE)


def _database(engine: sa.Engine) -> str:
    with engine.connect() as conn:
        if is_read_only(conn):
            conn.invalidate()
            return "read-only; it takes no changes"
        return "ready" if is_current(conn) else "not migrated; run `tenure migrate`"


async def _temporal(deps: Deps) -> str:
    return "ready" if await deps.temporal_answers() else "no answer"


async def _in_time(asking: Awaitable[str], otherwise: str) -> str:
    try:
        return await asyncio.wait_for(asking, _PATIENCE)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a probe means: not ready
        log.warning("not ready: %s", error)
        return why_away(error) or otherwise
