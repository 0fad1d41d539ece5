"""The table of codes, the sources that raise them and the page that lists them agree."""

import re
from pathlib import Path

import pytest

from engine.authoring.codes import CODES

_ROOT = Path(__file__).resolve().parents[3]
_FLOORS = ("engine", "store", "connectors", "workflows", "web", "app")


def raised() -> dict[str, str]:
    """Every code in the sources besides the table, with a file that has it."""
    sources = [path for floor in _FLOORS for path in sorted((_ROOT / floor).rglob("*.py")) if path.name != "codes.py"]
    return {
        code: str(path.relative_to(_ROOT))
        for path in sources
        for code in re.findall(r"\bPB\d{3}\b", path.read_text(encoding="utf-8"))
    }


def test_every_code_that_is_raised_is_in_the_table():
    assert {code: file for code, file in raised().items() if code not in CODES} == {}


def test_every_code_in_the_table_is_raised_somewhere():
    found = raised()
    assert [code for code in CODES if code not in found] == []


def test_the_table_is_in_order_and_each_meaning_is_a_line_of_its_own():
    assert list(CODES) == sorted(CODES)
    assert len(set(CODES.values())) == len(CODES)
    assert not [meaning for meaning in CODES.values() if "\n" in meaning or len(meaning) > 100]


@pytest.mark.parametrize("code", CODES)
def test_the_docs_list_the_code_with_its_meaning(code: str):
    page = (_ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    assert f"| {code} | {CODES[code]} |" in page
