"""`tenure health validate`: whether a score told, in a past period, who would leave."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from app.running import Services, UsageError, plain, say, show
from app.tables import clean, count, show_table, when
from engine.durations import parse_duration
from engine.expressions import ExpressionError
from engine.validation.judgement import Group, Judgement
from engine.validation.picture import to_svg
from engine.validation.wording import auc_in_words, interval_in_words, percent, scores_in_words, verdict
from store import clock
from store.validation import Validation, validate

_LONGEST = 1_100


def validate_health(
    card: str | None,
    home: Path | None,
    *,
    first: datetime | None,
    last: datetime | None,
    horizon: str,
    churned: str,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Nothing is written but the picture."""
    days = _days(horizon)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        try:
            found = validate(
                conn,
                clock.now(conn),
                card=card,
                first=first.date() if first else None,
                last=last.date() if last else None,
                horizon_days=days,
                churned=churned,
                progress=say,
            )
        except ExpressionError as error:
            raise UsageError(f"--churned: {error}") from error
        except ValueError as error:
            raise UsageError(str(error)) from error
    if svg is not None:
        _draw(found, svg)
    if as_json:
        show(plain(found))
    else:
        _print(found)


def _days(horizon: str) -> int:
    try:
        exact = parse_duration(horizon).exact
    except ValueError as error:
        raise UsageError(f"--horizon: {error}") from error
    if exact is None or exact.seconds or not 1 <= exact.days <= _LONGEST:
        raise UsageError(
            f"--horizon: {horizon} is not a number of days from 1 to {_LONGEST}; write for instance 90 days"
        )
    return exact.days


def _draw(found: Validation, svg: Path) -> None:
    drawn = to_svg(found.judgement, card=found.card, bands=found.bands, subtitle=_which(found))
    try:
        svg.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{svg} cannot be written ({error.strerror})") from error
    say(f"drawn in {svg}")


def _which(found: Validation) -> str:
    return (
        f"{count(found.judgement.whole.samples, 'sample')} of {count(found.judgement.whole.accounts, 'account')}, "
        f"{found.first} to {found.last}, each followed for {count(found.horizon_days, 'day')}"
    )


def _print(found: Validation) -> None:
    judgement = found.judgement
    whole = judgement.whole
    print(f"{found.card} of {clean(found.workspace)}: {verdict(judgement)}\n")
    left = f"{count(whole.churned_accounts, 'account')} left within {count(found.horizon_days, 'day')} of a sample"
    _line("accounts", f"{whole.accounts:,}; {left} ({found.churned})")
    every = "every day" if found.every_days == 1 else f"every {found.every_days} days"
    _line(
        "samples", f"{whole.samples:,}, {every} from {found.first} to {found.last}; {percent(whole.value)} left after"
    )
    _line("known", f"scores as known on each day, who left as known on {when(found.known_at)} UTC")
    _line("coverage", f"{percent(judgement.coverage)} of the samples have a score")
    _line("AUC", f"{auc_in_words(judgement.auc)}: how often one who left had the lower score; 0.5 is chance")
    _line("by day", _by_day(judgement))
    if found.compared:
        _line("recorded", f"{found.same:,} of {found.compared:,} scores were the same when they were first made")
    if found.gone_unseen:
        _line("left out", f"{count(found.gone_unseen, 'sample')} of accounts that had left before anybody knew")
    ranges = {band.name: band.says for band in found.bands}
    print()
    rows = [(group.name, ranges.get(group.name, "-"), *_cells(group)) for group in judgement.bands]
    show_table(("BAND", "SCORES", *_HEAD), rows)
    print()
    rows = [(group.name, scores_in_words(group), *_cells(group)) for group in judgement.tenths]
    show_table(("TENTH", "SCORES", *_HEAD), rows)
    print()
    _components(judgement)
    for caution in found.cautions:
        _paragraph("mind: ", caution.says)
    print()
    _paragraph("", _FOOT)


_HEAD = ("SAMPLES", "LEFT", "RATE", "95 % INTERVAL", "LIFT", "OF ALL WHO LEFT")
_FOOT = (
    "Intervals are 95 %. Those of AUCs are DeLong's for samples that come in clusters, one to an account (Obuchowski), "
    "on the logit scale; those of rates are Wilson's, counting each account once. DROP is how much AUC falls when the "
    "other components share this one's weight; below 0, the score is better without it."
)


def _cells(group: Group) -> Sequence[str]:
    lift = "-" if group.lift is None else f"{group.lift:.2f}"
    rate = group.rate
    return (
        *(f"{rate.samples:,}", f"{rate.churned:,}", percent(rate.value), interval_in_words(rate), lift),
        percent(group.captured),
    )


def _components(judgement: Judgement) -> None:
    rows = []
    for one in judgement.components:
        drop, reach = "-", ""
        if one.drop is not None:
            drop = f"{one.drop.value:+.3f}"
            if one.drop.low is not None and one.drop.high is not None:
                reach = f" ({one.drop.low:+.3f} to {one.drop.high:+.3f})"
        rows.append((one.id, f"{one.weight:g}", percent(one.known), auc_in_words(one.auc), drop + reach))
    show_table(("COMPONENT", "WEIGHT", "KNOWN", "AUC ALONE", "DROP WITHOUT IT"), rows)


def _by_day(judgement: Judgement) -> str:
    areas = sorted(one.auc.value for one in judgement.instants if one.auc is not None)
    if not areas:
        return "nobody left after any of the days"
    middle = areas[len(areas) // 2]
    return f"AUC {areas[0]:.2f} to {areas[-1]:.2f}, {middle:.2f} in the middle, over {count(len(areas), 'day')}"


def _line(what: str, says: str) -> None:
    _paragraph(f"{what:<10}", says)


def _paragraph(first: str, says: str) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    indent = " " * len(first)
    print(textwrap.fill(clean(says), max(width, 40), initial_indent=first, subsequent_indent=indent))
