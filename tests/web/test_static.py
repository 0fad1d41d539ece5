import re

from web.static_files import STATIC, static
from web.trace import _SENTENCES

_LARGEST_PAGE = 100_000


def test_a_file_asked_for_by_its_hash_may_be_kept_for_ever(empty):
    kept = empty.get(static("base.css"))
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert empty.get("/static/base.css").headers["cache-control"] == "no-store"
    assert empty.get("/static/base.css?v=older").headers["cache-control"] == "no-store"
    assert empty.get("/static/nothing.css?v=1").status_code == 404


def test_pages_name_the_files_that_are_there(empty):
    page = empty.get("/tasks").text
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        assert empty.get(address).status_code == 200, address


def test_style_and_script_leave_room_for_the_page():
    assert sum(file.stat().st_size for file in STATIC.iterdir()) < _LARGEST_PAGE * 0.6


def test_no_rule_that_is_meant_for_something_else_reaches_a_line_of_a_run():
    words = "|".join(set(_SENTENCES) - {"end"})  # what it takes from tables is taken back in timelines
    styles = "\n".join(file.read_text() for file in STATIC.glob("*.css"))
    assert not re.findall(rf"(?:^|,|}}|{{)\s*\.(?:{words})(?![\w-])[^{{]*{{", styles, re.MULTILINE)
