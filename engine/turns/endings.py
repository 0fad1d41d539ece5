"""The ways in which a run ends."""

from typing import Literal, get_args

Outcome = Literal["goal", "exit", "stop", "end"]
"""goal: it was reached; exit: another condition came true; stop: somebody, its age, another run; end: its last step."""

ENDINGS: tuple[Outcome, ...] = get_args(Outcome)
