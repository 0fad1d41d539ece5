"""Finds an account that draws the arms a scenario asks for: a lot cannot be told what to say, but asked often."""

from collections.abc import Mapping, Sequence
from itertools import count

from engine.entry import is_held_out
from engine.outline import outline
from engine.plan import Compiled
from engine.steps.split import SplitStep, draw


def splits(compiled: Compiled) -> dict[str, SplitStep]:
    """The experiments of a playbook, by id."""
    return {found.step.id: found.step for found in outline(compiled.plan) if isinstance(found.step, SplitStep)}


def account_for(
    arms: Mapping[str, str], playbooks: Sequence[Compiled], stem: str = "", *, held_out: bool = False
) -> str:
    """The key of the first account named `stem` and a number that draws these arms and is in no holdout; or, with
    `held_out`, in that of each playbook that has one.

    Empty, the account without a name, where nothing is asked of it. ValueError for what nobody can draw.
    """
    if not arms and not stem and not held_out:
        return ""
    found = [(one.playbook, step) for one in playbooks for step in splits(one).values() if step.id in arms]
    for _, step in found:
        if not any(one.arm == arms[step.id] and one.weight > 0 for one in step.arms):
            raise ValueError(f"{step.id} never draws {arms[step.id]}")
    weights = {step.id: {one.arm: one.weight for one in step.arms} for _, step in found}
    shares = [(one.playbook, one.entry.holdout) for one in playbooks if one.entry.holdout]
    if held_out and not shares:
        raise ValueError("no playbook holds anybody out")
    for number in count(1):
        key = f"{stem or 'account-'}{number}"
        drawn = all(draw((key, playbook, step.id), weights[step.id]) == arms[step.id] for playbook, step in found)
        if drawn and all(is_held_out(playbook, key, share) is held_out for playbook, share in shares):
            return key
    raise AssertionError("numbers do not end")
