"""Names, times, paths and amounts of another form: said in words, with what to write instead."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from engine.authoring.schema import SCHEMAS
from engine.documents.forms import FORMS, in_words
from engine.documents.wording import MEANING
from tests.problem_pages import Block, found_in


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str) and MEANING not in schema:
            yield schema["pattern"]
        yield from schema.get("patternProperties", {})
        for value in schema.values():
            yield from patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value)


def test_every_pattern_of_a_document_has_words():
    schemas = [json.loads(json.dumps(one.model_json_schema())) for one in SCHEMAS.values()]
    found = {one for schema in schemas for one in patterns(schema)}
    # Countries, ranges and shares of a scorecard have validators of their own, with words of their own.
    assert {one for one in found - {*FORMS} if "A-Z]{2}" not in one and r"\d+" not in one and "%" not in one} == set()
    assert {*FORMS} <= found
    assert all(re.search(pattern, form.such_as) for pattern, form in FORMS.items())


@pytest.mark.parametrize("pattern", FORMS)
@pytest.mark.parametrize("value", ["", "  ", "7", "ä", "Ask-Admin", "../x", "9:5", "\x00", "account."])
def test_what_is_suggested_is_taken(pattern, value):
    _, hint = in_words(pattern, value)
    assert re.search(pattern, hint.removeprefix("write "))


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("steps: [{ id: Ask-Admin, wait: 1 day }]\n", "PB105", "small letters, digits and _", "write ask_admin"),
        ("playbook: Price_Increase\n", "PB105", "small letters, digits and hyphens", "write price-increase"),
        ("steps: [{ wait: 5 }]\n", "PB322", "5 has no unit of time", "write 5 days, 5 hours or 5 business days"),
        ("max_age: 1\n", "PB322", "1 has no unit of time", "write 1 day, 1 hour or 1 business day"),
        ("entry: { holdout: 0.1 }\n", "PB325", "0.1 is no share in per cent", "write 10%"),
        ("entry: { holdout: 10 }\n", "PB325", "10 is no share in per cent", "write 10%"),
        ("priority: 40%\n", "PB103", 'expected a whole number, found "40%"', "write 40, or 0.4 where 1 is the whole"),
        ("priority: 12,000\n", "PB103", 'expected a whole number, found "12,000"', "write 12000"),
        ("priority: high\n", "PB103", 'expected a whole number, found "high"', ""),
    ],
)
def test_an_author_is_told_what_to_write(text, code, message, hint):
    problems, _ = found_in([Block(file="playbook.yaml", text=text)])
    assert [(one.code, one.hint) for one in problems if message in one.message] == [(code, hint)]
