"""`tenure sweep`: decides once, or only says what would be decided."""

from pathlib import Path

from app.running import Services, plain, say, show, show_list
from app.tables import count, show_table, when
from store import clock
from store.deciding import sweep as store_sweep
from store.deciding.arbitration import Ruled
from store.deployed import load_workspace


def sweep_now(home: Path | None, *, dry_run: bool, after_outage: bool, as_json: bool) -> None:
    """A dry run rolls everything back."""
    with Services(home, must_exist=True) as services:
        with services.database.connect() as conn:
            load_workspace(conn)
            virtual = clock.is_virtual(conn)
        if dry_run:
            _show_rulings(store_sweep.dry_run(services.database), as_json=as_json)
            return
        report = store_sweep.sweep(services.database, wait=True, after_outage=after_outage)
    assert report is not None, "a sweep that waits for its turn has a report"
    if as_json:
        show(plain(report))
        return
    looked = f"{count(report.accounts, 'account')} looked at, {count(report.crossings, 'new crossing')}"
    print(f"{when(report.at)} UTC: {looked}")
    states = ("started", "held_out", "held", "lapsed", "dropped", "not_started")
    if report.playbooks:
        rows = [(name, *(str(rulings.get(state, 0)) for state in states)) for name, rulings in report.playbooks.items()]
        show_table(("PLAYBOOK", "STARTED", "HELD OUT", "HELD", "LAPSED", "DROPPED", "NOT STARTED"), rows)
    for name, why in report.failed.items():
        say(f"{name} could not look: {why}")
    if virtual and (report.started or report.told):
        say("the clock is virtual: what was decided is done when the clock is driven (tenure advance --to …)")


def _show_rulings(found: list[Ruled], *, as_json: bool) -> None:
    if as_json:
        show_list(found)
        return
    rows = [
        (
            one.playbook,
            one.account_key,
            one.ruling.state.replace("_", " "),
            " and ".join(reason["says"] for reason in one.reasons),
            one.ruling.why or "",
        )
        for one in found
    ]
    if rows:
        show_table(("PLAYBOOK", "ACCOUNT", "WOULD BE", "BECAUSE", "WHY"), rows, give_way=("BECAUSE", "WHY"))
    say(f"{count(len(rows), 'crossing')} would be ruled on; nothing was kept")
