"""Holds translations against their texts: one mail is one thing to ask consent for, whatever language it is read in."""

from collections.abc import Iterable, Mapping

from engine.problems import Problem
from engine.texts.document import MailText, spot_in


def translation_problems(
    texts: Mapping[str, MailText], locales: Iterable[str], sources: Mapping[str, tuple[bytes, str]]
) -> list[Problem]:
    """Every translation of another category or topic than its text, at its own line.

    `texts` and `sources` by name, such as `hello` and `hello.de`; a source is the content of a file and its name.
    `locales` are those of translations.
    """
    found = []
    for locale in locales:
        for name, text in texts.items():
            other = texts.get(f"{name}.{locale}")
            key = _differs(text, other) if other else None
            if other is None or key is None:
                continue
            content, file = sources[f"{name}.{locale}"]
            is_said, ours = getattr(other, key), getattr(text, key)
            message = f"{name}.{locale}.md has {_said(key, is_said)}, and {name}.md has {_said(key, ours)}"
            hint = f"write {key}: {ours}, as there" if ours else f"leave out {key}:"
            problem = Problem(code="PB345", spot=spot_in(content, file, key), message=message, hint=hint)
            found.append(problem)
    return found


def _differs(text: MailText, other: MailText) -> str | None:
    """The first key of the front matter by which they ask for another consent."""
    return next((key for key in ("category", "topic") if getattr(text, key) != getattr(other, key)), None)


def _said(key: str, value: str | None) -> str:
    return f"the {key} {value}" if value else f"no {key}"
