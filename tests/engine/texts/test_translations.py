"""Translations ask for the same consent as their texts."""

import pytest

from engine.texts.document import load_text
from engine.texts.translations import translation_problems

TIPS, OFFERS, ORDERED = "topic: tips\n", "topic: offers\n", "category: transactional\n"


def problems(own: str, other: str) -> list[tuple[int, str, str]]:
    """Of a text and its German translation with these lines of front matter: line, message and hint."""
    matter = {"hello": own, "hello.de": other}
    sources = {name: (f"---\nsubject: Hi\n{more}---\nHello\n".encode(), f"{name}.md") for name, more in matter.items()}
    texts = {name: load_text(content, file, (), ("tips", "offers")) for name, (content, file) in sources.items()}
    found = translation_problems(texts, ["de", "fr"], sources)
    assert all((one.code, one.spot.file) == ("PB345", "hello.de.md") for one in found)
    return [(one.spot.line, one.message, one.hint) for one in found]


@pytest.mark.parametrize("matter", ["", TIPS, ORDERED])
def test_the_same_category_and_topic_are_fine(matter):
    assert problems(matter, matter) == []


@pytest.mark.parametrize(
    ("own", "other", "line", "message", "hint"),
    [
        (TIPS, "", 2, "no topic, and hello.md has the topic tips", "write topic: tips, as there"),
        ("", TIPS, 3, "the topic tips, and hello.md has no topic", "leave out topic:"),
        (TIPS, OFFERS, 3, "the topic offers, and hello.md has the topic tips", "write topic: tips, as there"),
        ("", ORDERED, 3, "the category transactional, and hello.md has the category service",
         "write category: service, as there"),
    ],
)  # fmt: skip
def test_another_one_is_named_at_its_line(own, other, line, message, hint):
    assert problems(own, other) == [(line, f"hello.de.md has {message}", hint)]
