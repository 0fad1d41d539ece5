"""`tenure graph`: a playbook as a picture."""

import sys
from pathlib import Path

from app.drafts import Broken, find_draft
from app.running import FINDINGS, UsageError, say
from app.tables import clean_lines
from engine.graph import FORMATS, picture
from engine.problems import did_you_mean


def draw_playbook(where: Path, form: str | None, out: Path | None) -> int:
    """To standard output or into a file, whose suffix tells the form where none is asked for."""
    form = form or (_SUFFIXES.get(out.suffix, "text") if out else "text")
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; {did_you_mean(form, tuple(FORMATS))}")
    try:
        draft = find_draft(where)
    except Broken:
        return FINDINGS
    drawn = FORMATS[form](picture(draft.compiled))
    if out is None:
        sys.stdout.write(clean_lines(drawn) + "\n")
        return 0
    try:
        out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror})") from error
    say(f"{draft.name} is drawn in {out}")
    return 0


_SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".txt": "text"}
