"""`tenure explain`: where the score comes from, and for each playbook why it runs, or why not."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.running import Services, UsageError, plain, show
from app.tables import clean, show_table, when
from store import clock
from store.explain import explain
from store.explain.looking import ConditionRead
from store.explain.playbooks import PlaybookExplained, TriggerExplained
from store.explain.scores import Lever, Move, ScoreExplained
from store.queries.runs import Reason, RunDetail, get_run

_INDENT = " " * 17


def explain_account(account: str, playbook: str | None, home: Path | None, *, as_json: bool) -> None:
    """From what is known at the clock's instant."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = explain(conn, account, clock.now(conn), playbook)
        opened = [one.run.id for one in found.playbooks if one.run] if found else []
        runs = {number: run for number in opened if (run := get_run(conn, number))}
    if found is None:
        raise UsageError(
            f'there is no account "{account}". Accounts go by the id of their source, such as in: tenure runs'
        )
    if as_json:
        show(plain(found))
        return
    print(f"{clean(found.name)} ({clean(found.account)}) at {when(found.at)} UTC")
    if not found.scores:
        print("\nno score yet")
    for score in found.scores:
        _score(score)
    for one in found.playbooks:
        _playbook(one, runs.get(one.run.id) if one.run else None)


def _score(score: ScoreExplained) -> None:
    value = "unknown" if score.value is None else f"{_shown(score.value)}, {score.band}"
    print(f"\n{score.card}: {value} since {when(score.at)} ({score.known_weight:.0%} of the weight is known)")
    rows = [
        (
            f"  {part.id}",
            _shown(part.value),
            "-" if part.points is None else f"{part.points:.1f}",
            f"{part.weight:g}",
            part.input + ("" if part.state == "known" else f" ({part.state})"),
            when(part.told_at),
        )
        for part in score.contributions
    ]
    show_table(("  PART", "VALUE", "POINTS", "WEIGHT", "FROM", "TOLD"), rows, give_way=("FROM",))
    for move in score.moves:
        _paragraph("  ", _move(move))


def _move(move: Move) -> str:
    way = f"{abs(move.distance):g} points {'more' if move.direction == 'up' else 'less'}"
    levers = " or ".join(_lever(lever) for lever in move.levers[:3])
    return f"{way} would make it {move.band}: {levers or 'no single part can do it alone'}"


def _lever(lever: Lever) -> str:
    if lever.to_value is None:
        return f"{lever.id} worth {lever.to_points:g} points instead of {lever.points:g}"
    return f"{lever.id} at {_shown(lever.to_value)}"


_VERDICTS = {
    "running": "RUNNING",
    "held": "HELD",
    "dwelling": "NOT YET",
    "ended": "ENDED",
    "not_started": "NOT STARTED",
    "waiting": "NO",
}


def _playbook(one: PlaybookExplained, run: RunDetail | None) -> None:
    state = "" if one.state == "active" else f", {one.state}"
    print()
    _paragraph("", f"{one.playbook}{state}: {_VERDICTS[one.verdict]}, {one.says}")
    if run:
        _reasons("because", run.run.started_at, run.reasons, "")
        for stand in run.run.stands:
            until = f", until {when(stand.until)}" if stand.until else ""
            _line("stands at", "", f"{stand.says or stand.step or stand.path}{until}")
    if one.crossing and one.crossing.state != "started":
        why = f": {one.crossing.why}" if one.crossing.why else ""
        _reasons("crossing", one.crossing.at, one.crossing.reasons, f", {one.crossing.state.replace('_', ' ')}{why}")
    if one.blocked_by:
        _line("blocked", "", f"run {one.blocked_by.id} of {one.blocked_by.playbook} holds the account's group")
    if one.cool_down_until:
        _line("cool-down", "", f"until {when(one.cool_down_until)}")
    _condition("audience", one.audience)
    for trigger in one.triggers:
        _trigger(trigger)
    if one.goal:
        _condition("goal", one.goal)
    for exit_ in one.exits:
        _condition("exit", exit_)


def _reasons(what: str, at: datetime, reasons: Sequence[Reason], became: str) -> None:
    if reasons:
        _line(what, when(at), " and ".join(reason.says for reason in reasons) + became)
        _values({name: value for reason in reasons for name, value in reason.values.items()})


def _trigger(trigger: TriggerExplained) -> None:
    answer = _answer(trigger.trips) if trigger.trips and trigger.kind == "edge" else ""
    _line("trigger", answer, f"{trigger.says}: {_remembers(trigger)}")
    if trigger.trips and trigger.kind == "edge":
        _values(trigger.trips.values)


def _remembers(trigger: TriggerExplained) -> str:
    match trigger.memory:
        case "armed":
            return "may fire"
        case "holding":
            paused = "; unknown at the moment, so the time does not run" if trigger.suspended_at else ""
            return f"true since {when(trigger.since)}, fires on {when(trigger.due_at)} if it lasts{paused}"
        case "tripped":
            again = f" once {trigger.rearms.text}" if trigger.rearms else ""
            return f"fired, or was true when first seen; may fire again{again}"
        case "coming" | "past":
            return f"{'comes' if trigger.memory == 'coming' else 'came'} on {when(trigger.due_at)}"
        case "undated":
            return "there is no such date"
        case "by hand":
            return "a person may start it"
        case _:
            return "not looked at yet"


def _condition(what: str, read: ConditionRead) -> None:
    _line(what, _answer(read), read.text)
    _values(read.values)


def _answer(read: ConditionRead) -> str:
    return "unknown" if read.holds is None else "yes" if read.holds else "no"


def _values(values: Any) -> None:
    if values:
        _paragraph(_INDENT + "  ", ", ".join(f"{name} = {_shown(value)}" for name, value in values.items()))


def _line(what: str, answer: str, text: str) -> None:
    label = f"  {what:<10}{answer}"
    # A date is longer than a yes: the text then begins after it.
    first = f"{label:<{len(_INDENT)}}" if len(label) < len(_INDENT) else f"{label}  "
    _paragraph(_INDENT, text, first)


def _paragraph(indent: str, text: str, first: str | None = None) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    begin = indent if first is None else first
    print(
        textwrap.fill(
            clean(text), max(width, 40), initial_indent=begin, subsequent_indent=indent or "  ", break_on_hyphens=False
        )
    )


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.3g}"
    return str(value)
