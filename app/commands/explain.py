"""`tenure explain`: the score's parts, and for each playbook why, or why not."""

from pathlib import Path
from typing import Any

from app.running import Services, UsageError, plain, show


def explain_account(account: str, playbook: str | None, home: Path | None, *, as_json: bool) -> None:
    """From what is known at the clock's instant."""
    from store import clock
    from store.explain import explain

    with Services(home) as services, services.database.connect() as conn:
        found = explain(conn, account, clock.now(conn), playbook)
    if found is None:
        raise UsageError(f'there is no account "{account}"')
    if as_json:
        show(plain(found))
        return
    print(f"{found.name} [{found.account}] at {found.at:%Y-%m-%d %H:%M} UTC")
    for score in found.scores:
        _score(score)
    for one in found.playbooks:
        _playbook(one)


def _score(score: Any) -> None:
    value = "unknown" if score.value is None else f"{score.value:g} ({score.band})"
    print(f"\n{score.card}: {value}, since {score.at:%Y-%m-%d}; {score.known_weight:.0%} of the weight is known")
    for part in score.contributions:
        points = "-" if part.points is None else f"{part.points:.1f}"
        shown = (
            "unknown" if part.value is None else f"{part.value:g}" if isinstance(part.value, float) else str(part.value)
        )
        told = f", told {part.told_at:%Y-%m-%d}" if part.told_at else ""
        print(
            f"  {part.id:<16} {shown:>12} -> {points:>5} points x {part.weight:g}  ({part.state}{told})  {part.input}"
        )
    for move in score.moves:
        levers = "; ".join(
            f"{lever.id} from {lever.points:.0f} to {lever.to_points:.0f} points" for lever in move.levers[:3]
        )
        print(f"  {move.direction} to {move.band} needs {move.distance:+.1f}: {levers or 'no single component can'}")


def _playbook(one: Any) -> None:
    print(f"\n{one.playbook} ({one.state}): {one.says}")
    print(f"  audience  {_condition(one.audience)}")
    for trigger in one.triggers:
        since = f" since {trigger.since:%Y-%m-%d %H:%M}" if trigger.since else ""
        due = f", due {trigger.due_at:%Y-%m-%d %H:%M}" if trigger.due_at else ""
        print(f"  trigger   {trigger.says}: {trigger.memory}{since}{due}")
        if trigger.trips:
            print(f"            {_condition(trigger.trips)}")
    if one.goal:
        print(f"  goal      {_condition(one.goal)}")
    for exit_ in one.exits:
        print(f"  exit      {_condition(exit_)}")
    if one.crossing:
        reasons = " and ".join(reason.says for reason in one.crossing.reasons)
        print(
            f"  crossing  {one.crossing.at:%Y-%m-%d %H:%M} {reasons}: {one.crossing.state} {one.crossing.why or ''}".rstrip()
        )
    if one.cool_down_until:
        print(f"  cool-down until {one.cool_down_until:%Y-%m-%d %H:%M}")


def _condition(read: Any) -> str:
    answer = {True: "true", False: "false", None: "unknown"}[read.holds]
    values = ", ".join(f"{name} = {'unknown' if value is None else value}" for name, value in read.values.items())
    return f"{answer}: {read.text}  [{values}]"
