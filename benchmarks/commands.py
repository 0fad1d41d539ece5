"""How long the command line takes to begin: whole processes, beside an empty one and one that imports its libraries."""

from collections.abc import Callable, Iterator

from benchmarks.measure import Figure, Spent, interleaved, process

_ROUNDS = 9
_COMMANDS = {
    "cli_help": ("-m", "app", "--help"),
    "cli_check_import": ("-c", "import app.__main__, app.commands.check"),
    "cli_check": ("-m", "app", "check", "playbooks"),
}
# Pydantic imports its parts when they are asked for: the base of all models is what any use of it costs.
_LIBRARIES = "import typer, yaml; from pydantic import BaseModel, Field"
_MOST = {"cli_help": 0.3, "cli_check_import": 0.3}
"""Seconds of processor time: on a quiet machine the clock on the wall says the same."""


def figures() -> Iterator[Figure]:
    candidates = [("-c", "pass"), ("-c", _LIBRARIES), *_COMMANDS.values()]
    for arguments in candidates:
        process(*arguments)  # compiles
    empty, libraries, *spent = interleaved(_ROUNDS, *(_runner(arguments) for arguments in candidates))
    yield Figure(name="cli_python", value=1000 * empty.cpu, unit="ms CPU", note=_wall(empty))
    for name, one in zip(_COMMANDS, spent, strict=True):
        most = _MOST.get(name)
        yield Figure(
            name=name,
            value=1000 * one.cpu,
            unit="ms CPU",
            ceiling=1000 * libraries.cpu,
            target=f"< {1000 * most:.0f}" if most else "",
            holds=one.cpu < most if most else None,
            note=_wall(one),
        )


def _runner(arguments: tuple[str, ...]) -> Callable[[], Spent]:
    return lambda: process(*arguments)


def _wall(spent: Spent) -> str:
    return f"{1000 * spent.wall:.0f} ms on the wall"
