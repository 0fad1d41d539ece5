"""`and` beside `or` is warned of unless parentheses say what belongs together."""

import pytest

from engine.expressions.mixing import mixed_at
from tests.problem_pages import Block, found_in


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a and b or c", 8),
        ("a or b and c", 7),
        ("not a or b and c", 11),
        ("(a or b and c) and d", 8),
        ("any(x where a or b and c)", 19),
        ("(a and b) or c", None),
        ("a and (b or c) and d", None),
        ("any(x where a and b) or c or d", None),
        ("max(a or b, c and d) > 1", None),
        ('a in ["x", "y"] and b', None),
        ('a == "this and that or those" and b', None),
    ],
)
def test_the_first_that_stands_beside_the_other_is_found(text, at):
    assert mixed_at(text) == at


def test_it_is_warned_of_in_every_condition_of_a_playbook():
    mixed = 'account.seats > 3 or account.seats < 1 and account.note == "x"'
    text = (
        f"audience: {mixed}\ngoal: {{ when: '{mixed}' }}\nsteps:\n  - if: {mixed}\n    then: []\n    on_unknown: []\n"
    )
    problems, _ = found_in([Block(file="playbook.yaml", text=text)])
    assert [(one.code, one.severity, one.spot.line, one.spot.column) for one in problems] == [
        ("PB369", "warning", 1, 50),
        ("PB369", "warning", 2, 55),
        ("PB369", "warning", 4, 48),
    ]
