"""Dice that fall the same way everywhere: one generator per question, seeded by what the question is about."""

from random import Random


def chance(seed: int, *about: object) -> Random:
    """Equal arguments give equal dice, in every process; text is hashed by `random` itself, without a salt."""
    return Random("/".join(map(str, (seed, *about))))  # noqa: S311 - made-up customers, not secrets
