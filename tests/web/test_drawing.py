from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from web.drawing.plotting import Field, Point, slopes, steps
from web.drawing.score_chart import BandArea, score_chart
from web.drawing.sparkline import sparkline

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=100)
FIELD = Field(left=0, top=0, width=100, height=100, since=SINCE, until=UNTIL)
HOSTILE = '"><script>alert(1)</script>'


def points(*values):
    return [Point(at=SINCE + timedelta(days=10 * i), value=value, band="red") for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([50], "M0.0 50.0H100.0"),
        ([50, 80], "M0.0 50.0H10.0V20.0H100.0"),
        ([50, None, 80], "M0.0 50.0H10.0M20.0 20.0H100.0"),
        ([None], ""),
        ([-20, 130], "M0.0 100.0H10.0V0.0H100.0"),
    ],
)
def test_a_score_holds_until_the_next_and_breaks_where_it_is_unknown(values, path):
    assert steps(points(*values), FIELD) == path


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([50], "M0.0 50.0"),
        ([50, 80], "M0.0 50.0L10.0 20.0"),
        ([50, 50, 50, 80, 80], "M0.0 50.0H20.0L30.0 20.0H40.0"),
        ([50, 50, None, None, 50, 80], "M0.0 50.0H10.0M40.0 50.0L50.0 20.0"),
        ([None], ""),
        ([-20, 130], "M0.0 100.0L10.0 0.0"),
    ],
)
def test_a_small_picture_goes_from_value_to_value_and_says_once_what_rests(values, path):
    assert slopes(points(*values), FIELD) == path


def test_what_happened_before_the_picture_begins_at_its_edge():
    early = [Point(at=SINCE - timedelta(days=50), value=40), Point(at=SINCE + timedelta(days=50), value=60)]
    assert steps(early, FIELD) == "M0.0 60.0H50.0V40.0H100.0"


def test_pictures_are_well_formed_and_escape_names():
    bands = [BandArea(name=HOSTILE, lowest=0, highest=40), BandArea(name="green", lowest=40, highest=100)]
    many = [Point(at=point.at, value=point.value, band=HOSTILE) for point in points(10, 50, None, 90)]
    for drawn in (sparkline(many, SINCE, UNTIL, HOSTILE), score_chart(many, bands, SINCE, UNTIL, HOSTILE)):
        root = ET.fromstring(drawn)
        assert root.get("aria-label") == HOSTILE
        assert not root.findall(".//script")


def test_nothing_known_draws_no_line():
    assert sparkline(points(None, None), SINCE, UNTIL, "unknown") == ""
    assert sparkline([], SINCE, UNTIL, "unknown") == ""
