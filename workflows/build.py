"""By which name Temporal knows the code that carries runs: it changes when what a run does may have changed."""

import hashlib
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_DECIDING = ("engine", "workflows")


@cache
def build_id() -> str:
    """A hash of the files that decide what a run does. Temporal's own would load the code of all modules there are
    once more, which takes longer than to import ours."""
    hashed = hashlib.sha256()
    for path in sorted(path for part in _DECIDING for path in (_ROOT / part).rglob("*.py")):
        hashed.update(path.relative_to(_ROOT).as_posix().encode())
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:32]
