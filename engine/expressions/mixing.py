"""Finds `and` beside `or` without parentheses: it is read in one way, and often meant in the other."""

from engine.expressions.tokens import cut


def mixed_at(text: str) -> int | None:
    """The column, from 0, of the first `and` or `or` that stands beside the other one; `text` can be read."""
    if "and" not in text or "or" not in text:
        return None
    joined: list[str | None] = [None]
    """Of every bracket that is open, and of the whole, what joins its conditions."""
    for token in cut(text):
        if token.kind == "sign" and token.text in ("(", "["):
            joined.append(None)
        elif token.kind == "sign" and token.text in (")", "]"):
            joined.pop()
        elif token.text == "," or (token.kind == "word" and token.text == "where"):
            joined[-1] = None
        elif token.kind == "word" and token.text in ("and", "or"):
            if joined[-1] not in (None, token.text):
                return token.column
            joined[-1] = token.text
    return None
