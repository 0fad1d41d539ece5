"""What one version of a playbook does otherwise than another, in lines for people."""

from collections.abc import Iterator, Mapping

from engine.plan import Compiled
from engine.steps.base import Step
from engine.triggers import Trigger
from engine.values import Condition, Value, canonical_json


def differences(old: Compiled, new: Compiled) -> tuple[str, ...]:
    """One line for each part that changed; empty for the same meaning."""
    return tuple(_differences(old, new))


def _differences(old: Compiled, new: Compiled) -> Iterator[str]:
    for name in ("title", "owner", "priority"):
        yield from _changed(name, getattr(old, name), getattr(new, name))
    yield from _changed("audience", old.audience.text, new.audience.text)
    yield from _triggers({one.id: one for one in old.triggers}, {one.id: one for one in new.triggers})
    for name in type(new.entry).model_fields:
        yield from _changed(f"entry {name}", getattr(old.entry, name), getattr(new.entry, name))
    yield from _changed("goal", _goal(old), _goal(new))
    exits = [tuple(f"{one.when.text} ({one.reason})" for one in each.plan.exits) for each in (old, new)]
    yield from (f"exit dropped: {one}" for one in exits[0] if one not in exits[1])
    yield from (f"exit added: {one}" for one in exits[1] if one not in exits[0])
    for name in ("open_tasks", "max_age", "pause"):
        yield from _changed(name, getattr(old.plan, name), getattr(new.plan, name))
    yield from _steps(dict(_named(old.plan.steps, "steps")), dict(_named(new.plan.steps, "steps")))
    if set(old.plan.texts) != set(new.plan.texts):
        yield "mail texts changed"


def _changed(name: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield f"{name}: {_said(before)} → {_said(after)}"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None or value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _goal(one: Compiled) -> str | None:
    goal = one.plan.goal
    return None if goal is None else goal.when.text + (f" for {goal.dwell}" if goal.dwell else "")


def _triggers(old: Mapping[str, Trigger], new: Mapping[str, Trigger]) -> Iterator[str]:
    yield from (f"trigger dropped: {one.says}" for id_, one in old.items() if id_ not in new)
    yield from (f"trigger added: {one.says}" for id_, one in new.items() if id_ not in old)
    for id_, one in new.items():
        if id_ in old and canonical_json(one) != canonical_json(old[id_]):
            yield (
                f"trigger {id_}: {old[id_].says} → {one.says}"
                if one.says != old[id_].says
                else f"trigger {id_} changed"
            )


def _steps(old: Mapping[str, Step], new: Mapping[str, Step]) -> Iterator[str]:
    yield from (f"step dropped: {name}" for name in old if name not in new)
    yield from (f"step added: {name}" for name in new if name not in old)
    yield from (f"step changed: {name}" for name, one in new.items() if name in old and _own(one) != _own(old[name]))


def _named(steps: tuple[Step, ...], at: str) -> Iterator[tuple[str, Step]]:
    """Steps at any depth: by their id where they have one, else by what they do and where."""
    for i, step in enumerate(steps):
        path = f"{at}[{i}]"
        yield (f"{step.kind} {step.id}" if step.id else f"{step.says()} ({path})"), step
        for way in step.ways():
            yield from _named(way.steps, f"{path}.{way.at}")


def _own(step: Step) -> dict[str, object]:
    """What a step is without the steps below it, which speak for themselves."""
    return {name: value for name in type(step).model_fields if _is_own(value := getattr(step, name))}


def _is_own(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_own(one) for one in value)
    if isinstance(value, Step):
        return False
    parts = [getattr(value, name) for name in type(value).model_fields] if isinstance(value, Value) else []
    return isinstance(value, Condition) or all(_is_own(one) for one in parts)
