"""What open pages hear of."""

import asyncio

from tests.databases import engine_of
from tests.waiting import PATIENCE
from web.live import EVERYBODY, Live


async def test_a_page_that_goes_in_the_moment_of_news_is_let_go(database: str) -> None:
    live = Live(engine_of(database))
    events = live.changes(None)
    assert (await anext(events)).startswith("retry")
    next_event = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    [(_, queue)] = live._open
    queue.put_nowait(EVERYBODY)
    next_event.cancel()
    await asyncio.wait([next_event], timeout=PATIENCE)
    assert next_event.cancelled()
    assert not live._open
