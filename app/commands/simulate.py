"""`tenure simulate`: what a playbook would do for an account, real or invented, day by day, and what it would write."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.drafts import Broken
from app.grounds import Grounds, grounds
from app.running import FINDINGS, UsageError, plain, say, show
from app.tables import clean, clean_lines, count
from app.trial import Assumption, Told, Trial, try_out
from engine.outline import outline
from engine.plan import Compiled
from engine.problems import did_you_mean
from engine.scenarios.check import misfit
from engine.scenarios.document import DoingDocument
from engine.scenarios.people import ScenarioPeople
from engine.scenarios.run import typed_facts
from engine.steps.base import ActingStep
from engine.workspace import Workspace

_MOST_DAYS = 2000


def simulate_playbook(
    playbook: str,
    *,
    account: str | None,
    at: datetime | None,
    days: int,
    until: datetime | None,
    assume: Sequence[str],
    people: Sequence[str],
    home: Path | None,
    by_hand: bool,
    as_json: bool,
) -> int:
    """0 when it could be played to its last day, whatever happened in it."""
    try:
        with grounds(playbook, account, at.date() if at else None, home) as found:
            if until is not None:
                days = (until.date() - found.begin.date()).days
            if not 0 < days <= _MOST_DAYS:
                raise UsageError(f"it must end 1 to {_MOST_DAYS:,} days after it begins")
            trial = try_out(
                found.compiled,
                found.account,
                ScenarioPeople(_doings(people, found.compiled)),
                found.begin,
                days,
                [_assumption(one, found.workspace) for one in assume],
                found.texts,
                at_once=by_hand or found.invented,
            )
    except Broken:
        return FINDINGS
    if as_json:
        show(_json(found, trial))
    else:
        _print(found, trial, days)
    return FINDINGS if trial.broken else 0


# --- what is asked ---


def _assumption(text: str, workspace: Workspace) -> Assumption:
    """`health.score=40@3`: from day 3 on; without a day, from the first."""
    name, is_one, rest = text.partition("=")
    value, _, day = rest.rpartition("@") if "@" in rest else (rest, "", "0")
    if not is_one or not day.isdigit():
        raise UsageError(f"{text!r} is no assumption; write it like health.score=40@3, with the day last")
    full = name if "." in name else f"account.{name}"
    field = workspace.catalogue().field(full)
    if field is None:
        raise UsageError(f"there is no field {full}; {did_you_mean(full, tuple(workspace.catalogue().fields))}")
    read = _read(value, field.type)
    if read is not None and (wrong := misfit(field, read)):
        raise UsageError(f"{full} {wrong}")
    return int(day), typed_facts(workspace, {full: read})


def _read(value: str, type_: str) -> Any:
    if value in ("", "null", "unknown"):
        return None
    if type_ == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return {"true": True, "yes": True, "false": False, "no": False}.get(value, value) if type_ == "bool" else value


def _doings(people: Sequence[str], compiled: Compiled) -> Mapping[str, DoingDocument]:
    """`call=reached@2`: two days after it was given; `hello=replied@1`: a day after the mail."""
    steps = {found.step.id: found.step for found in outline(compiled.plan) if isinstance(found.step, ActingStep)}
    doings: dict[str, dict[str, Any]] = {}
    for text in people:
        step, is_one, rest = text.partition("=")
        outcome, _, after = rest.partition("@")
        if not is_one or not outcome:
            raise UsageError(f"{text!r} says nothing of what people do; write it like call=reached@2")
        if step not in steps:
            raise UsageError(f'there is no acting step "{step}"; {did_you_mean(step, tuple(steps))}')
        doings.setdefault(step, {}).update(_doing(steps[step], outcome, _delay(after, text)))
    return {step: DoingDocument.model_validate(doing) for step, doing in doings.items()}


def _doing(step: ActingStep, outcome: str, after: str) -> dict[str, Any]:
    if outcome in ("opened", "clicked", "replied"):
        return {outcome: after}
    if outcome.isdigit():
        return {"score": int(outcome), "after": after}
    answers = step.answers()
    if outcome not in answers:
        raise UsageError(f'"{outcome}" is no outcome of {step.id}; {did_you_mean(outcome, answers)}')
    return {"outcome": outcome, "after": after}


def _delay(after: str, text: str) -> str:
    from engine.durations import parse_duration

    words = f"{after or '0'} days" if after.isdigit() or not after else after
    try:
        exact = parse_duration(words).exact
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from error
    if exact is None:
        raise UsageError(f"{text}: what people do is timed in minutes, hours, days or weeks")
    return words


# --- what is told ---

_WIDE = 100
_LEFT = " " * 39


def _print(found: Grounds, trial: Trial, days: int) -> None:
    who = f"{found.name}, invented" if found.invented else found.name
    print(f"{found.compiled.playbook} on {clean(who)}: {count(days, 'day')} from {found.begin:%Y-%m-%d}")
    print("what is known stays as it is, and nobody answers, unless said otherwise\n")
    before: date | None = None
    for line in trial.lines:
        _line(line, is_new_day=line.on != before)
        before = line.on
    if trial.broken:
        say(trial.broken)
    elif not trial.started:
        says = [trigger.says for trigger in found.compiled.triggers if trigger.kind != "manual"]
        none = f": in this time there is no {' and no '.join(f'“{one}”' for one in says)}" if says else ""
        print("\nit does not start" if trial.lines else f"it does not start{none}")
        say("--by-hand begins it on the first day all the same; --assume changes facts")
    elif trial.ending is None:
        print("\nit is still under way after the last day")


def _line(line: Told, *, is_new_day: bool) -> None:
    one = line.one
    when = f"day {line.day:>3}  {line.on:%a %d %b %Y}" if is_new_day else ""
    says = f"{one.step}: {one.says}" if one.step and one.says else one.step or one.says
    written = line.written
    if written and written.subject:
        whom = f"  (for {one.values['assign']})" if "assign" in one.values else f"  (to {one.values.get('to', '')})"
        says = f"{one.step}: {written.subject}{whom}"
    _paragraph(f"{when:<26}{one.what.replace('_', ' '):<13}", says)
    if one.what == "decided" and one.values:
        _paragraph(_LEFT, ", ".join(f"{name} = {_shown(value)}" for name, value in one.values.items()))
    if one.until is not None:
        _paragraph(_LEFT, f"until {one.until:%a %d %b %Y} at the latest")
    if written and written.problem:
        _paragraph(_LEFT, f"cannot be written: {written.problem}")
    if written and written.text:
        for row in clean_lines(written.text).splitlines():
            for part in textwrap.wrap(row, _WIDE - 20) or [""]:
                print(f"{_LEFT}| {part}".rstrip())


def _paragraph(lead: str, text: str) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    print(
        textwrap.fill(clean(text), max(width, 70), initial_indent=lead, subsequent_indent=_LEFT, break_on_hyphens=False)
        or lead.rstrip()
    )


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json(found: Grounds, trial: Trial) -> dict[str, Any]:
    return {
        "playbook": found.compiled.playbook,
        "account": found.name,
        "invented": found.invented,
        "begin": found.begin.isoformat(),
        "started": trial.started,
        "ending": None if trial.ending is None else {"outcome": trial.ending[0], "reason": trial.ending[1]},
        "broken": trial.broken or None,
        "timeline": [
            {
                "day": line.day,
                "at": line.one.at.isoformat(),
                "what": line.one.what,
                "step": line.one.step,
                "says": line.one.says,
                "path": line.one.path,
                "until": None if line.one.until is None else line.one.until.isoformat(),
                "values": plain(line.one.values),
                "written": plain(line.written) if line.written else None,
            }
            for line in trial.lines
        ],
    }
