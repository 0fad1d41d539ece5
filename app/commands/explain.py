"""`tenure explain`: where the score comes from, and for each playbook why it runs, or why not; now or in the past."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.commands.asked_of import no_account
from app.running import Services, UsageError, plain, show
from app.tables import clean, count, show_table, when
from engine.expressions.levers import Term
from store import clock
from store.current.overrides import Override
from store.deployed import load_workspace
from store.explain import Explanation, explain
from store.explain.looking import ConditionRead
from store.explain.playbooks import PlaybookExplained, TriggerExplained
from store.explain.scores import Lever, Move, ScoreExplained
from store.forgetting import HistoryGone
from store.queries.runs import Reason, RunDetail, get_run

_INDENT = " " * 17


def explain_account(
    account: str, playbook: str | None, at: datetime | None, home: Path | None, *, as_json: bool
) -> None:
    """From what is known at the clock's instant, or was known at an earlier one (in the workspace's zone)."""
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        now = clock.now(conn)
        then = None if at is None else at.replace(tzinfo=ZoneInfo(load_workspace(conn).zone)).astimezone(UTC)
        if then is not None and then > now:
            raise UsageError(f"{when(then)} UTC is not over yet; it is {when(now)} UTC")
        try:
            found = explain(conn, account, now, playbook, at=then)
        except HistoryGone as error:
            raise UsageError(f"{error} (`retention:` in tenure.yaml)") from error
        opened = [one.run.id for one in found.playbooks if one.run] if found and then is None else []
        runs = {number: run for number in opened if (run := get_run(conn, number))}
    if found is None and then is not None:
        raise UsageError(f'nobody knew of an account "{account}" at {when(then)} UTC')
    if found is None:
        raise UsageError(no_account(account))
    if as_json:
        show(plain(found))
        return
    print(f"{clean(found.name)} ({clean(found.account)}) at {when(found.at)} UTC")
    if then is not None:
        print("as it was known then, read by the playbooks and scorecards of today")
    if found.unread:
        print("more was told since the last sweep; the next one reads it")
    if not found.scores:
        print("\nno score yet")
    for score in found.scores:
        _score(score)
    for one in found.playbooks:
        _playbook(one, runs.get(one.run.id) if one.run else None, found)


def _score(score: ScoreExplained) -> None:
    value = "unknown" if score.value is None else f"{_shown(score.value)}, {score.band}"
    print(f"\n{score.card}: {value} since {when(score.at)} ({score.known_weight:.0%} of the weight is known)")
    if score.override:
        _override(score.override)
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


def _override(found: Override) -> None:
    when_ = f"{when(found.since)} to {when(found.until)}"
    _paragraph("  ", f"overridden to {found.value:g} by {found.author}, {when_} UTC: {found.reason}", "  ")


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
    "held_out": "HELD OUT",
    "not_started": "NOT STARTED",
    "waiting": "NO",
}


def _playbook(one: PlaybookExplained, run: RunDetail | None, found: Explanation) -> None:
    state = "" if one.state == "active" else f", {one.state}"
    print()
    _paragraph("", f"{one.playbook}{state}: {_VERDICTS[one.verdict]}, {one.says}")
    if run:
        _reasons("because", run.run.started_at, run.reasons, "")
        for stand in run.run.stands:
            until = f", {'at most ' if stand.at_most else ''}until {when(stand.until)}" if stand.until else ""
            _line("stands at", "", f"{stand.says or stand.step or stand.path}{until}")
    if one.crossing and one.crossing.state != "started":
        why = f": {one.crossing.why}" if one.crossing.why else ""
        _reasons("crossing", one.crossing.at, one.crossing.reasons, f", {one.crossing.state.replace('_', ' ')}{why}")
    if one.blocked_by:
        _line("blocked", "", f"run {one.blocked_by.id} of {one.blocked_by.playbook} holds the account's group")
    if one.cool_down_until:
        _line("cool-down", "", f"until {when(one.cool_down_until)}")
    _condition("audience", one.audience, found, turn=one.audience.holds is not True)
    for trigger in one.triggers:
        _trigger(trigger, found, turn=one.verdict in ("waiting", "ended", "not_started"))
    if one.goal:
        _condition("goal", one.goal, found, turn=one.verdict == "running")
    for exit_ in one.exits:
        _condition("exit", exit_, found, turn=False)


def _reasons(what: str, at: datetime, reasons: Sequence[Reason], became: str) -> None:
    if reasons:
        _line(what, when(at), " and ".join(reason.says for reason in reasons) + became)
        _values({name: value for reason in reasons for name, value in reason.values.items()})


def _trigger(trigger: TriggerExplained, found: Explanation, *, turn: bool) -> None:
    edge = trigger.trips if trigger.kind == "edge" else None
    _line("trigger", _answer(edge) if edge else "", f"{trigger.says}: {_remembers(trigger, found.zone)}")
    if edge:
        _terms(edge, found)
        if turn and edge.holds is not True:
            _changes(edge, found)


def _remembers(trigger: TriggerExplained, zone: str) -> str:
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
            return f"{'comes' if trigger.memory == 'coming' else 'came'} on {_there(trigger.due_at, zone)}"
        case "undated":
            return "there is no such date"
        case "listening":
            return "starts with the next one"
        case "settling":
            return f"one has happened, and is asked on {when(trigger.due_at)}"
        case "not kept":
            return "what it remembered then is not kept"
        case "by hand":
            return "a person may start it"
        case _:
            return "not looked at yet"


def _there(at: datetime | None, zone: str) -> str:
    """By the account's clock: at its midnight it is still the day before elsewhere."""
    return "" if at is None else f"{when(at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC))} {zone}"


def _condition(what: str, read: ConditionRead, found: Explanation, *, turn: bool) -> None:
    _line(what, _answer(read), read.text)
    _terms(read, found)
    if turn and read.holds is not True:
        _changes(read, found)


def _terms(read: ConditionRead, found: Explanation) -> None:
    """Each term on a line, with what it says, and the values it reads with their age."""
    if read.term is None:
        return
    rows = list(_rows(read.term, found, 0))
    if len(rows) == 1:
        # The condition itself has just been printed.
        rows = [("", "", rows[0][2])] if rows[0][2] else []
    wide = min(max((len(text) for _, text, _ in rows), default=0), 60)
    rows = [(answer, text, values.removeprefix(f"{_only_name(text, values)} = ")) for answer, text, values in rows]
    for answer, text, values in rows:
        head = f"{answer:<8}{text:<{wide}}" if text else ""
        _paragraph(
            _INDENT + "  " + " " * (len(head) + 2 if head else 0), values, f"{_INDENT}  {head}  " if head else None
        )


def _rows(term: Term, found: Explanation, deep: int) -> Iterator[tuple[str, str, str]]:
    answer = "unknown" if term.holds is None else "yes" if term.holds else "no"
    lead = "  " * deep
    if not term.parts:
        values = ", ".join(
            f"{name} = {_shown(value)}{_age(name, found)}" for name, value in (term.values or {}).items()
        )
        yield answer, lead + term.text, values
        return
    if deep or term.joined == "not":
        yield answer, f"{lead}{_JOINED[term.joined]}", ""
        deep += 1
    for part in term.parts:
        yield from _rows(part, found, deep)


def _only_name(text: str, values: str) -> str:
    """The one name a term reads, which its text begins with: it need not be said again."""
    name = values.partition(" = ")[0]
    return name if text.strip().startswith(name) and values.count(" = ") == 1 else ""


_JOINED = {"and": "all of", "or": "any of", "not": "not all of"}


def _age(name: str, found: Explanation) -> str:
    """Since when, or where from."""
    told = found.told.get(name)
    if told is None:
        return ""
    if told.at is not None:
        late = told.learned_at is not None and (told.learned_at - told.at).days >= 1
        days = (found.at - told.at).days
        old = "today" if days == 0 else count(days, "day") + " ago"
        return f" (told {old}{f', heard {when(told.learned_at)}' if late else ''})"
    score = next((one for one in found.scores if told.of == one.card), None)
    if told.how == "scored":
        return f" (scored {when(score.at)})" if score else ""
    return " (computed)"


def _changes(read: ConditionRead, found: Explanation) -> None:
    """The nearest change that would make it true."""
    if not read.changes:
        return
    wanted = " and ".join(f"{change.name} {change.says}" for change in read.changes)
    parts = [f"it takes {wanted}"]
    for change in read.changes:
        levers = next((one.levers for one in found.levers if (one.name, one.to) == (change.name, change.to)), ())
        if levers:
            parts.append(f"{change.name} gets there by {' or '.join(_lever(lever) for lever in levers[:3])}")
    _paragraph(_INDENT + "  ", "; ".join(parts))


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
