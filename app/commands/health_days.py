"""`tenure health days`: how the book stood at the end of each day."""

from datetime import timedelta
from pathlib import Path

from app.running import Services, UsageError, say, show_list
from app.tables import show_table
from engine.problems import did_you_mean
from store import clock
from store.deployed import NothingDeployed, load_workspace
from store.queries.business.book import UNKNOWN, Book
from store.queries.score_days import BookDay, book_days


def show_days(card: str | None, home: Path | None, *, csm: str | None, days: int, as_json: bool) -> None:
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        try:
            book = Book(conn=conn, workspace=load_workspace(conn), now=clock.now(conn))
        except NothingDeployed as error:
            raise UsageError(str(error)) from error
        cards = book.workspace.cards()
        card = card or book.card
        if card is None or card not in cards:
            hint = did_you_mean(card, cards) if card else "add scorecards/health.yaml"
            raise UsageError(f"there is no scorecard {card}; {hint}" if card else f"there is no scorecard; {hint}")
        found = book_days(conn, card, book.today - timedelta(days=days), csm)
        bands = book.bands_of(card)
    if as_json:
        show_list(found)
    elif found:
        shown = [band for band in (*bands, UNKNOWN) if any(band in one.bands for one in found) or band in bands]
        show_table(("DAY", "CUSTOMERS", "ARR", "MEAN", *(band.upper() for band in shown)), _rows(found, shown))
    else:
        say("no day has ended yet between two sweeps")


def _rows(found: list[BookDay], bands: list[str]) -> list[tuple[str, ...]]:
    return [
        (
            one.day.isoformat(),
            f"{one.accounts:,}",
            f"{one.arr:,.0f}",
            "-" if one.mean is None else f"{one.mean:.1f}",
            *(f"{one.bands.get(band, 0):,}" for band in bands),
        )
        for one in found
    ]
