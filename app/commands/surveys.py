"""`tenure surveys`: how many answered, what the answers come to, and how sure one can be of it."""

from datetime import datetime, time
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from app.choices import one_of_or_none
from app.commands.asked_of import ask_of
from app.running import Services, say, show_list
from app.tables import show_table
from engine.survey_scores import Estimate
from store import clock
from store.queries.names import workspace_name_and_zone
from store.queries.surveys import Period, SurveyRow, survey_report


def show_surveys(
    home: Path | None,
    *,
    by: str | None,
    playbook: str | None,
    first: datetime | None,
    last: datetime | None,
    total: bool,
    as_json: bool,
) -> None:
    """`by`: a period; `total`: over all playbooks."""
    periods: tuple[Period, ...] = get_args(Period)
    period = one_of_or_none("by", by, periods)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        ask_of(conn, playbook=playbook)
        _, zone = workspace_name_and_zone(conn)
        found = survey_report(
            conn,
            clock.now(conn),
            zone=zone,
            by_playbook=not total,
            period=period,
            playbook=playbook,
            since=_midnight(first, zone),
            until=_midnight(last, zone),
        )
    if as_json:
        show_list(found)
    elif found:
        head = (
            "ASKS",
            "PLAYBOOK",
            "SINCE",
            "ASKED",
            "ANSWERED",
            "RATE",
            "SCORE",
            "9-10|4-5",
            "7-8|3",
            "0-6|1-2",
            "MEAN",
        )
        show_table(head, [_line(one) for one in found], give_way=("PLAYBOOK",))
        if still_open := sum(one.answers.open for one in found):
            say(f"{still_open:,} may be answered yet; until they are over, rates are too low")
    else:
        say("nobody was asked anything")


def _line(row: SurveyRow) -> tuple[str, ...]:
    of = row.answers
    counts = (of.above, of.between, of.below)
    return (
        of.asks,
        row.playbook or "all",
        row.since.isoformat() if row.since else "",
        f"{of.asked:,}",
        f"{of.answered:,}",
        _shown(of.rate, "%"),
        _shown(of.score, "%" if of.asks == "csat" else ""),
        *(f"{count:,}" for count in counts),
        "" if of.mean is None else f"{of.mean:.2f}",
    )


def _shown(estimate: Estimate | None, unit: str) -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:.0f}{unit} ({estimate.low:.0f} to {estimate.high:.0f})"


def _midnight(day: datetime | None, zone: str) -> datetime | None:
    return None if day is None else datetime.combine(day.date(), time(), ZoneInfo(zone))
