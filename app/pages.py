"""The pages of docs/ where they are at hand: sections of codes, and settings that only the pages describe."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs"
_PROBLEMS = "problems.md"


@cache
def page(name: str) -> str:
    """A page's text; empty where the pages were not installed."""
    try:
        return (FOLDER / name).read_text(encoding="utf-8")
    except OSError:
        return ""


def page_of(code: str) -> str:
    """Where a code is explained, as the repository names it."""
    return f"docs/{_PROBLEMS}#{code.lower()}"


def page_uri(code: str) -> str:
    """The same as an address on this machine; empty where the pages were not installed."""
    file = FOLDER / _PROBLEMS
    return f"{file.as_uri()}#{code.lower()}" if file.is_file() else ""


def section(code: str) -> str:
    """What problems.md says about a code, without the heading; empty where it says nothing."""
    found = re.search(rf"^### {re.escape(code)}\n(.*?)(?=^##|\Z)", page(_PROBLEMS), re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
