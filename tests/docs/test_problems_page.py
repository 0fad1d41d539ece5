"""Every code has its section, and what the section shows is what `tenure check` says.

A new code needs a section in docs/problems.md; tests/problem_pages.py tells how one is made.
"""

import re
from pathlib import Path

import pytest

from app.pages import section
from engine.authoring.codes import CODES
from tests.problem_pages import PAGE, Section, found_in, not_a_file, said_of, sections

_TESTS = Path(__file__).resolve().parents[1]
SECTIONS = {one.code: one for one in sections(PAGE.read_text(encoding="utf-8"))}


def section_of(code: str) -> Section:
    assert code in SECTIONS, f"docs/problems.md has no section ### {code}"
    return SECTIONS[code]


def test_sections_stand_in_the_order_of_the_codes():
    assert list(SECTIONS) == [code for code in CODES if code in SECTIONS]


@pytest.mark.parametrize("code", CODES)
def test_a_bad_example_gives_its_code_at_the_place_that_is_shown(code: str):
    found = section_of(code)
    if not_a_file(found):
        assert any(code in path.read_text(encoding="utf-8") for path in (_TESTS / "app").glob("test_*.py"))
        assert re.search(rf":\d+:\d+: (error|warning) {code} ", found.says)
        return
    problems, _ = found_in(found.bad)
    assert {problem.code for problem in problems} == {code}
    assert said_of(found.bad) == found.says, "to write it anew: python -m tests.problem_pages"


@pytest.mark.parametrize("code", CODES)
def test_a_good_example_has_no_problem(code: str):
    found = section_of(code)
    mended = {block.file for block in found.good}
    problems, _ = found_in([*(block for block in found.bad if block.file not in mended), *found.good])
    assert found.good
    assert [str(problem) for problem in problems] == []


@pytest.mark.parametrize("code", CODES)
def test_the_command_line_shows_the_section(code: str):
    assert "```text" in section(code)
