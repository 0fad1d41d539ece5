import contextlib
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.problems import Spot
from engine.texts.filters import RenderError
from engine.texts.names import known_names
from engine.texts.syntax import check_template, names_in
from engine.texts.templates import render_line

KNOWN = known_names(
    ["account.name", "account.arr", "account.renewal_date", "health.score"], ["champion"], ["csm", "csm.manager"]
)


def problems(text, *, line=False):
    return check_template(text, KNOWN, lambda offset: Spot(file="t.md", column=offset + 1), line=line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Call {{ contact.champion.first_name or "the champion" }}', "Call the champion"),
        ('Call {{ contact.champion.first_name | title or "the champion" }}', "Call the champion"),
        ('{{ contact.champion.first_name | default("you") | upper }}', "YOU"),
        ("{{ account.name }} has {{ health.score }}", "Acme has 62"),
        ("{{ account.arr | money('EUR') }}", "€12,500"),
        ("{{ account.arr / 12 | round }}", "1041.6666666666667"),
        ("{{ (account.arr / 12) | money }}", "1,041.67"),
        ("{{ (account.arr / 12) | number(1) }}", "1,041.7"),
        ("{{ account.arr | number }}", "12,500"),
        ("{{ -account.arr | money('CHF') }}", "-CHF 12,500"),
        ("{{ account.renewal_date }}", "2027-01-31"),
        ("{{ account.renewal_date | date }}", "31 January 2027"),
        ("{{ account.renewal_date | date('short') }}", "31 Jan 2027"),
        ("{{ account.renewal_date | date('weekday') }}", "Sunday 31 January"),
        ("{{ account.renewal_date | date('iso') }}", "2027-01-31"),
        ("{{ csm.name | title }}", "Kim O'neil"),
        ("{% if health.score >= 60 and account.name != 'x' %}fine{% else %}poor{% endif %}", "fine"),
        ("{{ 'big' if account.arr > 1e4 else 'small' }}", "big"),
        ("{% if contact.champion.name is unknown %}nobody{% endif %}", "nobody"),
        ("{% if contact.champion.name is known and contact.champion.name < 'x' %}a{% endif %}b", "b"),
        ("{# a note #}x {{ 2.5 | round }}{{ 62.0 | int }}", "x 362"),
        ("{{ account.name\n}} is\n  one line", "Acme is one line"),
        ("{{ csm.manager.name or 'the team' }}", "the team"),
        ("{name}, { our.price } and {{ '{account.name' }}}", "{name}, { our.price } and {account.name}"),
    ],
)
def test_a_checked_template_shows_values_as_people_write_them(text, shown):
    assert problems(text) == []
    assert render_line(text, VALUES) == shown


VALUES = {
    "account.name": "Acme",
    "account.arr": 12500.0,
    "account.renewal_date": "2027-01-31",
    "health.score": 62.0,
    "contact.champion.first_name": None,
    "csm.name": "kim o'neil",
}


@pytest.mark.parametrize(
    ("text", "code", "column", "hint"),
    [
        ("Hi {{ account.nme }}", "PB405", 7, 'did you mean "account.name"?'),
        ("account.nme {{ account.nme }}", "PB405", 16, 'did you mean "account.name"?'),
        ("{{ acount.name }}", "PB405", 4, 'did you mean "account.name"?'),
        ("Hi {account.name}, {{ account.name }}", "PB411", 4, "write {{ account.name }}"),
        ("Hi { account.nme }", "PB411", 4, "write {{ account.nme }}"),
        ("{{ account }}", "PB405", 4, ""),
        ("{{ account.name.__class__.__mro__ }}", "PB405", 4, "account.name"),
        ("{{ self }}{{ cycler }}", "PB405", 4, ""),
        ("{{ account.name }} {{ account.name | uper }}", "PB407", 38, 'did you mean "upper"?'),
        ("{{ 'a' | center(1000000000) }}", "PB407", 10, "known: capitalize"),
        ("{{ account.arr | round(1000000000) }}", "PB407", 18, ""),
        ("{{ account.arr | round(health.score) }}", "PB407", 18, ""),
        ("{{ account.renewal_date | date('%1000000000d') }}", "PB407", 27, ""),
        ("{{ account.name | default }}", "PB407", 19, ""),
        ("{{ account.name | upper(x=1) }}", "PB407", 19, ""),
        ("{{ 9**(9**8) }}", "PB406", 5, "metric"),
        ("{{ 'a' * 1000000000 }}", None, 0, ""),
        ("{{ '%1000000000d' % 1 }}", "PB406", 19, ""),
        ("{{ account.name ~ account.name }}", "PB406", 17, "one after the other"),
        ("{% for a in range(10) %}{% for b in range(10) %}x{% endfor %}{% endfor %}", "PB406", 1, ""),
        ("{{ range(9) }}", "PB406", 4, ""),
        ("{{ account.name.upper() }}", "PB406", 4, ""),
        ("{{ account['name'] }}", "PB406", 4, "dots"),
        ("{{ [1, 2] }}", "PB406", 1, ""),
        ("{{ {} }}", "PB406", 1, ""),
        ("{{ none }}", "PB406", 1, ""),
        ("{{ 1 < 2 < 3 }}", "PB406", 1, ""),
        ("{{ 1 in account.name }}", "PB406", 1, ""),
        ("{{ account.name is defined }}", "PB406", 20, "is known"),
        ("{{ ('a').b }}", "PB406", 1, ""),
        ("{{ 12345678901234567890 }}", "PB406", 1, ""),
        ("{% set x = 1 %}", "PB406", 1, ""),
        ("{% macro m() %}{% endmacro %}", "PB406", 1, ""),
        ("{% include 'x' %}", "PB406", 1, ""),
        ("{% import 'x' as y %}", "PB406", 1, ""),
        ("{% extends 'x' %}", "PB406", 1, ""),
        ("{% block x %}{% endblock %}", "PB406", 1, ""),
        ("{% filter upper %}x{% endfilter %}", "PB406", 1, ""),
        ("{% with a = 1 %}{% endwith %}", "PB406", 1, ""),
        ("{% call x() %}{% endcall %}", "PB406", 1, ""),
        ("{% nonsense %}", "PB404", 1, ""),
        ("Hi {{ account.name", "PB404", 4, ""),
        ("{{ account. }}", "PB404", 1, ""),
        ("{{ }}", "PB404", 1, ""),
        ("{% if health.score %}x", "PB404", 1, ""),
        ("a\0b", "PB408", 2, ""),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "PB404", 1, ""),
        ("{{ " + "not " * 300 + "account.name }}", "PB403", 1, ""),
        ("{{ " + "-".join(["account.arr"] * 300) + " }}", "PB403", 1, ""),
        ("{% if account.name %}" * 80 + "{% endif %}" * 80, "PB403", None, ""),
        ("{{ " + "9" * 6000 + " }}", "PB404", 1, ""),
        ("{{ account.name }}" * 1500, "PB403", None, ""),
        ("x" * 40_000, "PB403", 1, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_whatever_is_not_on_the_list_is_refused_where_it_stands(text, code, column, hint):
    begun = time.process_time()
    found = problems(text)
    assert time.process_time() - begun < 1
    if code is None:
        with pytest.raises(RenderError):
            render_line(text, VALUES)
        return
    assert code in [problem.code for problem in found]
    first = next(problem for problem in found if problem.code == code)
    if column is not None:
        assert first.spot.column == column
    assert hint in first.hint


def test_a_line_has_a_smaller_limit():
    assert [problem.code for problem in problems("x" * 3000, line=True)] == ["PB403"]


def test_every_wrong_name_is_found_on_its_own_line_and_column():
    text = "one {{ account.nme }} two {{ account.nme or account.name }}\n\n  three {{ csm.nam if account.nme }}"
    found = [(p.spot.column, p.message) for p in problems(text)]
    assert found == [
        (text.index("account.nme") + 1, '"account.nme" is not a known field'),
        (text.index("account.nme or") + 1, '"account.nme" is not a known field'),
        (text.index("csm.nam") + 1, '"csm.nam" is not a known field'),
        (text.index("account.nme }}", 60) + 1, '"account.nme" is not a known field'),
    ]


def test_names_are_found_inside_branches_and_filters():
    text = "{% if health.score %}{{ account.name | default('x') }}{% else %}{{ csm.name or account.arr }}{% endif %}"
    assert names_in(text) == ("account.arr", "account.name", "csm.name", "health.score")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ contact.champion.first_name }}", "contact.champion.first_name is unknown"),
        ("{{ contact.champion.first_name | upper }}", "contact.champion.first_name is unknown"),
        ("{% if contact.champion.first_name == 'Kim' %}x{% endif %}", "contact.champion.first_name is unknown"),
        ("{{ account.arr + contact.champion.first_name }}", "contact.champion.first_name is unknown"),
        ("{{ account.name * 3 }}", "'Acme' is not a number"),
        ("{{ 'a' * 100000 }}", "'a' is not a number"),
        ("{{ account.arr / 0 }}", "division by zero"),
        ("{{ account.name | date }}", "date needs a date"),
        ("{{ account.name | money }}", "money needs a number"),
        ("{{ account.name < 3 }}", "does not fit"),
        ("{{ (1e15 * 1e15) | money }}", "reasonable size"),
    ],
)
def test_a_value_that_is_missing_or_does_not_fit_is_named(text, says):
    assert problems(text) == []
    with pytest.raises(RenderError, match=says):
        render_line(text, VALUES)


def test_a_line_has_no_line_breaks_and_an_end():
    hostile = "Acme\r\nBcc: everyone@corp.test\u2028\x00" + "x" * 1000
    line = render_line("About {{ account.name }}", {"account.name": hostile})
    assert line.startswith("About Acme Bcc: everyone@corp.test x")
    assert line.isprintable()
    assert len(line) == 300


def test_plain_lines_are_not_escaped_as_html():
    assert render_line("{{ account.name }}", {"account.name": "R&D <Ltd>"}) == "R&D <Ltd>"


def test_a_template_that_was_not_checked_is_refused_before_it_runs():
    with pytest.raises(RenderError, match="not checked"):
        render_line("{{ range(10) }}", {})


def test_rendering_the_same_template_twice_gives_the_same():
    text = "{{ account.name or 'x' }}"
    assert [render_line(text, values) for values in ({}, VALUES, {})] == ["x", "Acme", "x"]


_PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "-%}",
            "{{-",
            " ",
            "\n",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ".",
            ",",
            ":",
            "'",
            '"',
        ),
        *(
            "account.name",
            "account",
            "if",
            "else",
            "endif",
            "elif",
            "for",
            "in",
            "raw",
            "endraw",
            "or",
            "not",
            "is",
            "known",
        ),
        *(
            "|",
            "|upper",
            "|default('x')",
            "|date",
            "1",
            "1.5",
            "1e9",
            "**",
            "*",
            "+",
            "~",
            "%",
            "\\",
            "\r",
            "é",
            "\x00",
            "\ud800",
        ),
    ]
)


@settings(deadline=1000)
@given(st.one_of(st.text(max_size=200), st.lists(_PIECES, max_size=40).map("".join)))
@example("{%raw%}{{x}}{%endraw%}{{ account.name }}")
@example("{{ 1_ }}{{ 0x }}{{ 1__1 }}")
@example("{{ '\\N{x}' }}")
def test_any_text_is_accepted_or_refused_and_what_is_accepted_can_be_filled(text):
    found = problems(text)
    if found:
        assert all(0 <= p.spot.column - 1 <= len(text) for p in found)
        return
    with contextlib.suppress(RenderError):
        assert isinstance(render_line(text, VALUES), str)
