import contextlib
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from engine.documents.document import load_document, read_model
from engine.durations import DurationText
from engine.expressions import ExpressionError, Scope, parse_expression
from engine.problems import DocumentError


def load(text: str | bytes) -> Any:
    return load_document(text, "a.yaml")


def problems_of(call: Any) -> list[tuple[str, int, int, str]]:
    with pytest.raises(DocumentError) as error:
        call()
    return [(each.code, each.spot.line, each.spot.column, each.message) for each in error.value.problems]


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("17:00", "17:00"),
        ("2026-03-01", "2026-03-01"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-0o17", "-0o17"),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("'12'", "12"),
        ('"a\\nb"', "a\nb"),
        ("007", 7),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(text, value):
    found = load(f"key: {text}").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_stay_text_as_written():
    assert load("scale: { 0: 0, 0..6: 10, true: 1, on: 2 }").data == {"scale": {"0": 0, "0..6": 10, "true": 1, "on": 2}}


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(alphabet="ab :#'\"{}[],\n-é", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc.", min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(_TREES)
def test_whatever_is_written_by_the_rules_is_read_back(tree):
    assert load(json.dumps(tree, ensure_ascii=False)).data == tree


@given(st.text(max_size=200) | st.binary(max_size=60))
def test_nothing_but_a_document_error_comes_out_of_noise(noise):
    with contextlib.suppress(DocumentError):
        load(noise)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "PB002", 3, 1),
        ("a: &x 1\n", "PB003", 1, 4),
        ("a: *x\n", "PB003", 1, 4),
        ("a: !!python/object 1\n", "PB003", 1, 4),
        ("a:\n  <<: 3\n", "PB003", 2, 3),
        ("a:\n\t- b\n", "PB001", 2, 1),
        ("a: 'b\n", "PB001", 1, 4),
        ("a: b\0\n", "PB005", 1, 5),
        (b"a: b\n\xff\n", "PB005", 2, 1),
        ("a: 1\n---\nb: 1\n", "PB006", 2, 1),
        ("[a]: 1\n", "PB007", 1, 1),
        ("title: {{ contact.name }} call\n", "PB008", 1, 8),
        ("title: Call: now\n", "PB008", 1, 12),
        ('- { when: a in ["x", "y"], reason: z }\n', "PB008", 1, 16),
        ("- { text: first, then, reason: z }\n", "PB008", 1, 22),
        ("a: .inf\n", "PB009", 1, 4),
        ("a: 1e999\n", "PB009", 1, 4),
        (f"a: {'9' * 30}\n", "PB009", 1, 4),
        ("a: " + "[" * 50 + "]" * 50, "PB004", 1, 34),
        ("[" * 100_000, "PB004", 1, 32),
        ("a: [" + "1," * 25_000 + "]", "PB004", 1, 40_001),
        ("a: " + "b" * 300_000, "PB004", 1, 1),
    ],
)
def test_refusals_stand_at_their_place(text, code, line, column):
    found = problems_of(lambda: load(text))[0]
    assert found[:2] == (code, line)
    assert found[2] == pytest.approx(column, abs=4)


def test_the_quoted_form_is_shown_where_yaml_would_cut_a_text():
    with pytest.raises(DocumentError) as error:
        load("title: Call: it's {{ a }}\n")
    assert error.value.problems[0].hint == "write title: 'Call: it''s {{ a }}'"


def test_all_doubled_keys_are_reported_at_once():
    assert len(problems_of(lambda: load("a: 1\na: 2\nb: { c: 1, c: 2 }\n"))) == 2


# --- places ---------------------------------------------------------------------------------------------------------

_STEPS = """\
steps:
  - id: call
    task: { title: Call }
  - if: a == "b"
    then:
      - wait: 3 days
"""


@pytest.mark.parametrize(
    ("path", "key", "line", "column", "shown"),
    [
        ((), False, 1, 1, ""),
        (("steps", 0, "task", "title"), False, 3, 20, "steps[0].task.title"),
        (("steps", 0, "task", "title"), True, 3, 13, "steps[0].task.title"),
        (("steps", 1, "then", 0, "wait"), False, 6, 15, "steps[1].then[0].wait"),
        (("steps", 1, "else", 0), False, 4, 5, "steps[1].else[0]"),
    ],
)
def test_every_value_and_key_knows_its_place(path, key, line, column, shown):
    spot = load(_STEPS).spot(path, key=key)
    assert (spot.line, spot.column, spot.path) == (line, column, shown)


@pytest.mark.parametrize(
    "yaml",
    [
        "when: {}",
        "- [x, 'y']\n- deep:\n    when:   {}   # a remark",
        "when: '{}'",
        'when: "{}"',
        "é: ü\nwhen: {}",
        "when:\n  {}",
        "when: |\n  {}\n",
        "when: >-\n    {}\n",
    ],
)
def test_a_column_inside_a_text_is_found_in_the_file(yaml):
    expression = "account.arr < 3 and foo"
    text = yaml.format(expression)
    document = load(text)
    path = ("when",) if "deep" not in yaml else (1, "deep", "when")
    spot = document.within(path, expression.index("foo"))
    assert text.splitlines()[spot.line - 1][spot.column - 1 :].startswith("foo")


@pytest.mark.parametrize(
    "yaml",
    [
        'when: "a == \\"b\\" and \\u0041 foo"',
        "when: 'a == ''b'' and foo'",
        "when: a == 'b'\n  and\n  foo",
        'when: "a\n   and foo"',
        "when: |\n  a and\n  b or\n  foo\n",
        "when: >\n  a and\n  b or\n  foo\n",
    ],
)
def test_escapes_and_folds_are_seen_through(yaml):
    document = load(yaml)
    spot = document.within(("when",), document.data["when"].index("foo"))
    assert yaml.splitlines()[spot.line - 1][spot.column - 1 :].startswith("foo")


@given(st.text(alphabet="ab'\" \\:\té", min_size=1).filter(lambda text: text.strip() == text), st.data())
def test_quoted_texts_map_every_character(text, data):
    offset = data.draw(st.integers(0, len(text) - 1))
    single = "k: '" + text.replace("'", "''") + "'"
    double = 'k: "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert single[load(single).within(("k",), offset).column - 1] == text[offset]
    shown = double[load(double).within(("k",), offset).column - 1]
    assert shown == text[offset] or shown == "\\"


def test_problems_of_an_expression_get_line_and_column():
    document = load("steps:\n  - if: 'account.nme == \"x\"'\n")
    with pytest.raises(ExpressionError) as error:
        parse_expression(document.data["steps"][0]["if"], Scope(), want="bool")
    problem = error.value.in_document(document, ("steps", 0, "if"))[0]
    assert str(problem) == (
        'a.yaml:2:10: PB202 steps[0].if: unknown field "account.nme" (did you mean "account.name"?)'
    )


# --- models ---------------------------------------------------------------------------------------------------------


class _Base(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Task(_Base):
    title: str
    priority: int = 0
    assign: Literal["csm", "manager"] = "csm"
    due: DurationText | None = None


class _Wait(_Base):
    kind: Literal["wait"]
    wait: str | dict[str, str]


class _Call(_Base):
    kind: Literal["call"]
    task: _Task
    on_error: list["_Step"] = []


_Step = Annotated[_Wait | _Call, Field(discriminator="kind")]


class _Book(_Base):
    title: str
    goal: _Task | str | None = None
    steps: list[_Step] = []
    for_: str | None = Field(None, alias="for")

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        if len(title) > 20:
            raise ValueError("a title has at most 20 characters")
        if title == "bad":
            raise PydanticCustomError("PB399", "a bad title", {"hint": "write a good one"})
        return title


def read(text: str) -> Any:
    return read_model(_Book, load(text))


def test_a_sound_document_becomes_a_model():
    book = read("title: A\nfor: 3 days\nsteps:\n- { kind: call, task: { title: T, due: 2 weeks } }\n")
    assert str(book.steps[0].task.due) == "2 weeks"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title: A\ntite: b\n", ("PB101", 2, 1, 'unknown key "tite"', 'did you mean "title"?')),
        ("title: A\nfro: b\n", ("PB101", 2, 1, 'unknown key "fro"', 'did you mean "for"?')),
        ("goal: x\n", ("PB102", 1, 1, 'the key "title" is missing', "add title:")),
        ("title: 7\n", ("PB103", 1, 8, "expected text, found 7", 'if it is text, quote it: "7"')),
        ("title: A\nsteps: 7\n", ("PB103", 2, 8, "expected a list, found 7", "")),
        ("", ("PB103", 1, 1, "expected a mapping, found nothing", "")),
        ("title: A\ngoal: [1]\n", ("PB103", 2, 7, "expected a mapping or text, found a list", "")),
        ("title: A\ngoal: { titel: x }\n", ("PB101", 2, 9, 'unknown key "titel"', 'did you mean "title"?')),
        ("title: bad\n", ("PB399", 1, 8, "a bad title", "write a good one")),
        ("title: A title that is too long\n", ("PB105", 1, 8, "a title has at most 20 characters", "")),
        (
            "title: A\nsteps:\n- { kind: cal, task: {} }\n",
            ("PB104", 3, 3, '"cal" is not among the allowed words: wait, call', 'did you mean "call"?'),
        ),
        (
            "title: A\nsteps:\n- { kind: call, task: { title: T, asign: csm } }\n",
            ("PB101", 3, 35, 'unknown key "asign"', 'did you mean "assign"?'),
        ),
        (
            "title: A\nsteps:\n- { kind: call, task: { title: T, assign: cms } }\n",
            ("PB104", 3, 43, '"cms" is not among the allowed words: csm, manager', 'did you mean "csm"?'),
        ),
        (
            "title: A\nsteps:\n- { kind: call, task: { title: T, due: 2 dais } }\n",
            ("PB105", 3, 40, '"dais" is not a unit of time; did you mean "days"?', ""),
        ),
        (
            "title: A\nsteps:\n- { kind: call, task: { title: T }, on_error: [{ kind: wait, wat: 1, wait: x }] }\n",
            ("PB101", 3, 62, 'unknown key "wat"', 'did you mean "wait"?'),
        ),
    ],
)
def test_every_fault_has_its_place_its_words_and_a_hint(text, expected):
    with pytest.raises(DocumentError) as error:
        read(text)
    problem = error.value.problems[0]
    assert (problem.code, problem.spot.line, problem.spot.column, problem.message, problem.hint) == expected


def test_all_faults_come_at_once_and_paths_name_no_union_members():
    with pytest.raises(DocumentError) as error:
        read("titel: A\nsteps:\n- { kind: wait }\n- { kind: call, task: { title: 3 } }\n")
    assert [problem.spot.path for problem in error.value.problems] == ["steps[0]", "steps[1].task.title", "titel"]
