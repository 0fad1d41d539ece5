"""`tenure forget`: gives up events and replaced values that the workspace does not keep any longer."""

from pathlib import Path

from app.running import Services, plain, show
from app.tables import count, show_table, when
from store.deployed import load_workspace
from store.forgetting import forget


def forget_now(home: Path | None, *, as_json: bool) -> None:
    """Nothing while everything is kept for ever, which is the default."""
    with Services(home, must_exist=True) as services:
        with services.database.connect() as conn:
            kept = load_workspace(conn).retention
        found = forget(services.database)
    if as_json:
        show(plain(found))
        return
    if not found.since and (kept.events is not None or kept.history is not None):
        print("nothing has grown old enough to be given up")
    elif not found.since:
        print("everything is kept: tenure.yaml has no `retention:` of events or history")
    if not found.since:
        return
    show_table(("WHAT", "KEPT SINCE"), [(what, f"{when(since)} UTC") for what, since in found.since.items()])
    print(f"deleted {count(found.events, 'event')} and {count(found.past, 'replaced value')}")
