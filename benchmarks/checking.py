"""How long `tenure check` takes over many playbooks: the whole command, from its start to its last line."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.expressions import WORKSPACE, playbook
from benchmarks.measure import Figure, Spent, process, timed
from engine.documents.document import load_document

_STEPS = 20
_SIZES = (100, 1_000)
_LARGE = 10_000
_MOST = {1_000: 3.0}
"""Seconds of processor time."""
_CROOKED = 1.5
"""A tenfold size may cost so much more than ten times: there is noise, and memory is slower than caches."""
_MAIL = "---\nsubject: Hello\n---\nHello {{ recipient.first_name }}.\n"


def figures() -> Iterator[Figure]:
    """Beside reading the YAML of the same files."""
    process("-m", "app", "check", "playbooks")  # compiles
    for size in _SIZES:
        yield _check(size)


def growing() -> Iterator[Figure]:
    """The last figure is what one more playbook takes among many."""
    process("-m", "app", "check", "playbooks")  # compiles
    sizes = (*_SIZES, _LARGE)
    took: list[float] = []
    for size in sizes:
        figure = _check(size)
        assert figure.value is not None
        took.append(figure.value)
        yield figure
    few, many = ((took[n + 1] - took[n]) / (sizes[n + 1] - sizes[n]) for n in range(len(sizes) - 1))
    growth = many / few
    yield Figure(
        name="check_linear",
        value=growth,
        unit="x a playbook",
        target=f"< {_CROOKED}",
        holds=growth < _CROOKED,
        note=f"one more among {sizes[-1]:,} against one more among {sizes[-2]:,}",
    )


def _check(size: int) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), size)
        ours = process("-m", "app", "check", folder)
        reading = _reading(Path(folder))
    most = _MOST.get(size)
    return Figure(
        name=f"check_{size}",
        value=ours.cpu,
        unit="s CPU",
        ceiling=reading.cpu,
        target=f"< {most:g}" if most else "",
        holds=ours.cpu < most if most else None,
        note=f"{size:,} playbooks of {_STEPS} steps, {ours.wall:.1f} s on the wall; the ceiling reads their YAML",
    )


def _reading(folder: Path) -> Spent:
    def read() -> None:
        for path in folder.rglob("*.yaml"):
            load_document(path.read_bytes(), "")

    return timed(read)


def _write(folder: Path, size: int) -> None:
    (folder / "tenure.yaml").write_bytes(WORKSPACE)
    for n in range(size):
        home = folder / f"playbooks/bench-{n}"
        (home / "emails").mkdir(parents=True)
        (home / "playbook.yaml").write_bytes(playbook(_STEPS, home.name))
        (home / "emails/hello.md").write_text(_MAIL, encoding="utf-8")
