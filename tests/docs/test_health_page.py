"""docs/health.md names every caution there is, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "health.md").read_text(encoding="utf-8")


def test_the_page_lists_the_codes_of_all_cautions():
    sources = [*(ROOT / "engine" / "validation").glob("*.py"), *(ROOT / "store" / "validation").glob("*.py")]
    given = {code for file in sources for code in re.findall(r'code="(\w+)"', file.read_text(encoding="utf-8"))}
    rows = re.findall(r"^\| (`.*?) \|", PAGE[PAGE.index("## What to mind") :], re.MULTILINE)
    assert {code for row in rows for code in re.findall(r"`(\w+)`", row)} == given
