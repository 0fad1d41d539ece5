"""How many history events and actions a journey of three mails takes, beside the same journey written by hand."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from temporalio.api.enums.v1 import EventType

from benchmarks.house import House, house
from benchmarks.journeys import MAILS_BY_HAND, THREE_MAILS
from benchmarks.measure import Figure
from store.schema import run

_MOST = 30
_BILLED = (
    *("WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_SIGNALED", "TIMER_STARTED", "ACTIVITY_TASK_SCHEDULED"),
    *("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", "START_CHILD_WORKFLOW_EXECUTION_INITIATED"),
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
)


def figures() -> Iterator[Figure]:
    events, events_by_hand = asyncio.run(_histories())
    ours, by_hand = Counter(events), Counter(events_by_hand)
    more = ours - by_hand
    actions, actions_by_hand = _actions(events), _actions(events_by_hand)
    yield Figure(
        name="journey_events",
        value=ours.total(),
        unit="events",
        ceiling=by_hand.total(),
        target=f"<= by hand, <= {_MOST}",
        holds=ours.total() <= min(by_hand.total(), _MOST),
        note="more than by hand: " + ", ".join(f"{n} {name}" for name, n in more.items()) if more else "",
    )
    yield Figure(
        name="journey_actions",
        value=actions,
        unit="actions",
        ceiling=actions_by_hand,
        target="<= by hand",
        holds=actions <= actions_by_hand,
        note="as Temporal's cloud would bill them",
    )


def _actions(events: Sequence[str]) -> int:
    """The local activities of one workflow task are one action: what follows on a marker at once is of the same."""
    return sum(
        name in _BILLED or (name == "MARKER_RECORDED" and before != name)
        for before, name in zip(["", *events], events, strict=False)
    )


async def _histories() -> tuple[Sequence[str], Sequence[str]]:
    async with house(1) as here:
        return await _events(here, THREE_MAILS), await _events(here, MAILS_BY_HAND)


async def _events(here: House, playbook: str) -> Sequence[str]:
    runs = await asyncio.to_thread(here.start, playbook, range(1))
    await here.ended(runs)
    with here.database.connect() as conn:
        workflow_id = conn.execute(sa.select(run.c.workflow_id).where(run.c.id == runs[0])).scalar_one()
    handle = here.client.get_workflow_handle(workflow_id)
    await handle.result()
    history = await handle.fetch_history()
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
