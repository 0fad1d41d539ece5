"""Whatever an author writes: our own errors or none, plans that survive JSON, and hashes no layout changes."""

import contextlib
import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.authoring.formatting import formatted
from engine.compile import Compilation, compile_playbook
from engine.documents.document import load_document
from engine.expressions import ExpressionError, Scope, parse_expression
from engine.plan import Compiled, Plan
from engine.problems import DocumentError, Spot
from engine.project import Project, read_project
from engine.texts.document import load_text
from engine.texts.syntax import check_template
from engine.texts.templates import RenderError, fill

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARY = _ROOT / "playbooks"
PLAYBOOKS = sorted(path.parent.name for path in _LIBRARY.rglob("playbook.yaml"))

# --- the three parsers --------------------------------------------------------------------------------------------

_YAML_WORDS = [
    "a",
    "b:",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    '"',
    "|",
    ">",
    "&a",
    "*a",
    "!t",
    "#",
    "\n",
    "  ",
]
_EXPRESSION_WORDS = [
    *("account.arr", "account.name", "health.score", "today", "(", ")", "[", "]", ",", "+", "-", "*", "/", "<", "=="),
    *(
        "and",
        "or",
        "not",
        "in",
        "is",
        "known",
        "where",
        "contains",
        "3",
        "0.5",
        "days",
        '"a"',
        "2026-03-01",
        "min",
        "count",
    ),
]
_TEMPLATE_WORDS = [
    *("{{", "}}", "{%", "%}", "{#", "#}", "account.name", "if", "else", "endif", "for", "in", "|", "default", "(", ")"),
    *("'a'", "1", "~", "[", "]", ".", "-", "set", "is", "known", "\n", " "),
]


def texts(words: list[str]) -> st.SearchStrategy[str]:
    """Any text at all, and texts that look as if they were meant."""
    return st.text(max_size=200) | st.lists(st.sampled_from(words), max_size=60).map(" ".join)


@given(texts(_YAML_WORDS).map(str.encode) | st.binary(max_size=200))
def test_reading_yaml_gives_a_document_or_its_problems(content: bytes):
    with contextlib.suppress(DocumentError):
        load_document(content, "a.yaml")
    with contextlib.suppress(DocumentError):
        load_text(content, "a.md", ["account.name"])
    for name in ("playbook", "tenure", "scorecard", "scenarios"):
        with contextlib.suppress(DocumentError):
            formatted(content, "a.yaml", name)


@given(texts(_EXPRESSION_WORDS))
def test_reading_an_expression_gives_one_or_its_problems(text: str):
    with contextlib.suppress(ExpressionError):
        parse_expression(text, Scope(aggregates=True))


@given(texts(_TEMPLATE_WORDS))
def test_reading_a_template_gives_problems_or_a_text(text: str):
    if not check_template(text, ["account.name"], lambda _: Spot(file="a")):
        with contextlib.suppress(RenderError):
            fill(text, {"account.name": "Acme"})


# --- playbooks, spoilt in some places -----------------------------------------------------------------------------


@cache
def library() -> Project:
    files = {str(path.relative_to(_LIBRARY)): path.read_bytes() for path in _LIBRARY.rglob("*") if path.is_file()}
    return read_project(files)


@cache
def data(name: str) -> Any:
    path = next(_LIBRARY.rglob(f"{name}/playbook.yaml"))
    return load_document(path.read_bytes(), str(path)).data


def compiled(source: str | bytes, name: str) -> Compilation:
    workspace, texts = library().workspace, library().playbooks[name].texts
    assert workspace is not None
    named = {path.stem: next(iter(texts.values())) for path in _LIBRARY.rglob(f"{name}/emails/*.md")}
    return compile_playbook(source if isinstance(source, bytes) else source.encode(), "a.yaml", name, named, workspace)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key at any depth."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield value, key
        yield from places(below)


_STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    "3 days",
    "account.arr > 1",
    "{{ account.name }}",
    [],
    {},
    [[]],
    {"a": {"b": []}},
)


def spoilt(whole: Any, chance: Random) -> Any:
    """Two places changed: taken away, doubled, moved here from elsewhere, or something strange."""
    whole = copy.deepcopy(whole)
    for _ in range(2):
        every = list(places(whole))
        holder, key = chance.choice(every)
        other_holder, other = chance.choice(every)
        change = chance.randrange(5)
        if change == 0:
            holder.pop(key)
        elif change == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif change == 2:
            holder[key] = copy.deepcopy(other_holder[other])
        elif change == 3 and isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        else:
            holder[key] = copy.deepcopy(chance.choice(_STRANGE))
    return whole


chances = st.integers(0, 2**32).map(Random)


@given(st.sampled_from(PLAYBOOKS), chances)
def test_every_document_compiles_or_has_problems_and_every_plan_survives_json(name: str, chance: Random):
    found = compiled(json.dumps(spoilt(data(name), chance)), name)
    if found.compiled is None:
        assert found.problems
        assert all(problem.spot.line >= 1 and problem.spot.column >= 1 for problem in found.problems)
        return
    again = Compiled.model_validate_json(found.compiled.model_dump_json())
    assert again == found.compiled
    assert again.hash == found.compiled.hash
    plan = Plan.model_validate_json(found.compiled.plan.model_dump_json())
    assert (plan, plan.hash) == (found.compiled.plan, found.compiled.plan.hash)


def shuffled(value: Any, chance: Random) -> Any:
    """The same, with keys in another order; of cases, whose order means something, nothing is touched."""
    if isinstance(value, dict):
        return {key: shuffled(below, chance) for key, below in chance.sample(list(value.items()), len(value))}
    return [shuffled(one, chance) for one in value] if isinstance(value, list) else value


def as_yaml(value: Any, chance: Random, indent: str = "") -> str:
    """Block YAML with comments."""
    if not isinstance(value, dict | list) or not value:
        return f" {json.dumps(value)}  # aside\n"
    items = value.items() if isinstance(value, dict) else (("-", one) for one in value)
    lines = [
        f"{indent}# {chance.random()}\n{indent}{key}{'' if key == '-' else ':'}"
        + (
            as_yaml(below, chance)
            if not isinstance(below, dict | list) or not below
            else "\n" + as_yaml(below, chance, indent + "  ")
        )
        for key, below in items
    ]
    return "".join(lines)


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_plan_is_the_same_whatever_the_order_of_keys_comments_and_spacing(name: str):
    plain = compiled(json.dumps(data(name)), name).compiled
    assert plain is not None
    for seed in range(4):
        chance = Random(f"{name} {seed}")
        source = as_yaml(shuffled(data(name), chance), chance)
        other = compiled(source, name).compiled
        assert other is not None
        assert (other.hash, other.plan.hash) == (plain.hash, plain.plan.hash)
    neat = compiled(formatted(source, "a.yaml", "playbook"), name).compiled
    assert neat is not None
    assert neat.hash == plain.hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("account.arr>3", "account.arr  >  3"),
        ("account.arr>3 and not(account.arr>5)", "account.arr > 3 and not (account.arr > 5)"),
        ("min( account.arr,5 )>-1", "min(account.arr, 5) > -1"),
        ('account.segment in["enterprise"]', 'account.segment in [ "enterprise" ]'),
        ("account.arr-1>2", "account.arr - 1 > 2"),
        ("account.renewal_date-60 days>today", "account.renewal_date - 60  days > today"),
    ],
)
def test_an_expression_is_the_same_in_any_spacing(one: str, other: str):
    assert parse_expression(one, Scope()).text == parse_expression(other, Scope()).text


@given(texts(_EXPRESSION_WORDS))
def test_the_canonical_text_of_an_expression_is_its_own_canonical_text(text: str):
    with contextlib.suppress(ExpressionError):
        found = parse_expression(text, Scope(aggregates=True))
        assert parse_expression(found.text, Scope(aggregates=True)) == found
