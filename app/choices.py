"""One of a few words: what a command was told, as the type that knows them all."""

from collections.abc import Sequence
from typing import TypeVar

from app.running import UsageError

Word = TypeVar("Word", bound=str)


def one_of(option: str, word: str, known: Sequence[Word]) -> Word:
    """The word itself; UsageError when it is none of those known. `option` is how it is asked for, without dashes."""
    for one in known:
        if one == word:
            return one
    raise UsageError(f'--{option} "{word}" is not one of {", ".join(known)}')


def one_of_or_none(option: str, word: str | None, known: Sequence[Word]) -> Word | None:
    """The same where nothing need be said."""
    return None if word is None else one_of(option, word, known)
