"""`tenure sweep`: decides once, or only says what would be decided."""

from pathlib import Path

from app.running import Services, plain, say, show


def sweep_now(home: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """A dry run rolls everything back."""
    from store import sweep as store_sweep

    with Services(home) as services:
        if dry_run:
            found = plain(store_sweep.dry_run(services.database))
            if as_json:
                show(found)
                return
            for one in found:
                print("  ".join(str(value) for value in one.values() if value not in (None, "", [], {})))
            say(f"{len(found)} crossings would be ruled on")
            return
        report = plain(store_sweep.sweep(services.database, wait=True))
    if as_json:
        show(report)
    else:
        for name, value in (report or {}).items():
            print(f"{name:>16}: {value}")
