"""A worker in the process of a command that ends soon: started before the work, and never waited for without end."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.running import AWAY, say
from workflows.ports import Ports
from workflows.worker import playbook_worker

if TYPE_CHECKING:
    from temporalio.client import Client

_PATIENCE = 30.0
"""Longer than the worker's own grace for what is under way."""


@asynccontextmanager
async def worker_beside(client: "Client", database: sa.Engine, ports: Ports) -> AsyncIterator[None]:
    """Carries runs while the block lasts."""
    worker = playbook_worker(client, database, ports)
    await worker.__aenter__()
    try:
        yield
    finally:
        error = sys.exc_info()
        stopping = asyncio.create_task(worker.__aexit__(*error))
        await asyncio.wait([stopping], timeout=_PATIENCE)
        if not stopping.done():
            # Acts that can never settle are tried again for ever, and Temporal's worker waits for them as long. All
            # that was done is committed; Temporal hands the rest to the next worker.
            say(f"tenure: {error[1] or 'the worker does not come to an end'}")
            sys.stdout.flush()
            os._exit(AWAY)
        await stopping
