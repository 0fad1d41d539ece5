from pathlib import Path

import pytest

from store.queries.business.drill import DEFINITIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "measures.md"


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.id)
def test_the_docs_define_a_measure_as_the_pages_do(definition):
    sections = {
        title: " ".join(text.split())
        for title, _, text in (one.partition("\n") for one in PAGE.read_text().split("\n## ")[1:])
    }
    assert sections[definition.title] == definition.says
