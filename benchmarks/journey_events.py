"""How many history events a journey of three mails takes, beside the same journey written by hand."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa
from temporalio.api.enums.v1 import EventType

from benchmarks.house import House, house
from benchmarks.journeys import MAILS_BY_HAND, THREE_MAILS
from benchmarks.measure import Figure
from store.schema import run

_MOST = 30


def figures() -> Iterator[Figure]:
    ours, by_hand = asyncio.run(_count())
    more = ours - by_hand
    yield Figure(
        name="journey_events",
        value=ours.total(),
        unit="events",
        ceiling=by_hand.total(),
        target=f"<= by hand, <= {_MOST}",
        holds=ours.total() <= min(by_hand.total(), _MOST),
        note="more than by hand: " + ", ".join(f"{n} {name}" for name, n in more.items()) if more else "",
    )


async def _count() -> tuple[Counter[str], Counter[str]]:
    async with house(1) as here:
        return await _events(here, THREE_MAILS), await _events(here, MAILS_BY_HAND)


async def _events(here: House, playbook: str) -> Counter[str]:
    runs = await asyncio.to_thread(here.start, playbook, range(1))
    await here.ended(runs)
    with here.database.connect() as conn:
        workflow_id = conn.execute(sa.select(run.c.workflow_id).where(run.c.id == runs[0])).scalar_one()
    handle = here.client.get_workflow_handle(workflow_id)
    await handle.result()
    history = await handle.fetch_history()
    return Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
