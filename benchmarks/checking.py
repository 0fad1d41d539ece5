"""How long `tenure check` takes over many playbooks: read from disk, checked as a whole, in this process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.commands.check import find_problems
from benchmarks.expressions import WORKSPACE, playbook
from benchmarks.measure import Figure, Spent, timed
from engine.document import load_document

_STEPS = 20
_SIZES = (100, 1_000, 10_000)
_MOST = {1_000: 3.0}
"""Seconds of processor time."""
_CROOKED = 1.5
"""A tenfold size may cost so much more than ten times: there is noise, and memory is slower than caches."""
_MAIL = "---\nsubject: Hello\n---\nHello {{ recipient.first_name }}.\n"


def figures() -> Iterator[Figure]:
    """Beside reading the YAML of the same files; the last figure is the time a playbook of the largest size takes."""
    each: list[float] = []
    for size in _SIZES:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), size)
            ours = timed(lambda folder=folder: _check(Path(folder)))  # type: ignore[misc]
            reading = _reading(Path(folder))
        each.append(ours.cpu / size)
        most = _MOST.get(size)
        yield Figure(
            name=f"check_{size}",
            value=ours.cpu,
            unit="s CPU",
            ceiling=reading.cpu,
            target=f"< {most:g}" if most else "",
            holds=ours.cpu < most if most else None,
            note=f"{size:,} playbooks of {_STEPS} steps, {ours.wall:.1f} s on the wall; the ceiling reads their YAML",
        )
    growth = each[-1] / each[0]
    yield Figure(
        name="check_linear",
        value=growth,
        unit="x a playbook",
        target=f"< {_CROOKED}",
        holds=growth < _CROOKED,
        note=f"a playbook among {_SIZES[-1]:,} against one among {_SIZES[0]}",
    )


def _check(folder: Path) -> None:
    problems, _ = find_problems([folder])
    assert not any(problem.severity == "error" for problem in problems), problems[:3]


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
