"""The reference has every word of the language, each with what it says of itself."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from engine.authoring import words
from engine.authoring.codes import CODES
from engine.authoring.reference import GROUPS, Word, reference
from engine.authoring.schema import SCHEMAS
from engine.documents.model_faults import _fields, _members
from engine.expressions.functions import AGGREGATES, EXTREMES, FUNCTIONS
from engine.expressions.parser import _STRENGTH, parse
from engine.expressions.tokens import WORDS
from engine.problems import Spot
from engine.steps import DOCUMENTS as STEPS
from engine.texts.document import FrontMatter
from engine.texts.filters import FILTERS
from engine.texts.syntax import check_template
from engine.triggers import DOCUMENTS as TRIGGERS

FOUND = reference()


def named(group: str) -> set[str]:
    return {one.name for one in FOUND if one.group == group}


def models(annotation: Any, seen: dict[type[BaseModel], None]) -> None:
    """Every model that a document may hold, at any depth."""
    for member in _members([annotation]):
        if isinstance(member, type) and issubclass(member, BaseModel):
            if member not in seen:
                seen[member] = None
                for _, below in _fields(member):
                    models(below, seen)
        else:
            for argument in get_args(member):
                if argument is not Ellipsis:
                    models(argument, seen)


def documents() -> Iterator[type[BaseModel]]:
    seen: dict[type[BaseModel], None] = {}
    for root in (*SCHEMAS.values(), FrontMatter):
        models(root, seen)
    yield from seen


@pytest.mark.parametrize("model", list(documents()), ids=lambda model: model.__name__)
def test_every_key_that_authors_write_says_what_it_is_for(model: type[BaseModel]):
    assert (model.__doc__ or "").strip(), "a docstring is the hover text"
    assert [field.alias or name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("step", set(STEPS)),
        ("trigger", set(TRIGGERS)),
        ("function", set(FUNCTIONS)),
        ("over rows", set(AGGREGATES)),
        ("over time", set(EXTREMES)),
        ("filter", set(FILTERS)),
        ("code", set(CODES)),
    ],
)
def test_a_group_has_exactly_the_words_there_are(group: str, words: set[str]):
    assert named(group) == words


def test_every_sign_and_word_of_the_grammar_is_an_operator():
    assert {word for name in words.OPERATORS for word in name.split()} >= {*_STRENGTH, *WORDS}


def test_every_group_has_words_and_every_word_a_line():
    assert {one.group for one in FOUND} == set(GROUPS)
    assert [one for one in FOUND if not one.says or "\n" in one.says] == []
    assert [(one.name, key.name) for one in FOUND for key in one.keys if not key.says] == []


@pytest.mark.parametrize(
    "word",
    [one for one in FOUND if one.group in ("operator", "function", "over time", "over rows")],
    ids=lambda word: f"{word.group} {word.name}",
)
def test_an_example_of_an_expression_can_be_read_and_shows_its_word(word: Word):
    parse(word.example)
    assert all(part in word.example for part in word.name.split())


@pytest.mark.parametrize("word", [one for one in FOUND if one.group == "filter"], ids=lambda word: str(word.name))
def test_an_example_of_a_filter_is_a_template(word: Word):
    known = ["account.arr", "account.name", "account.country", "account.renewal_date", "health.score"]
    assert check_template(word.example, known, lambda _: Spot(file="")) == []
    assert f"| {word.name}" in word.example
