"""Cuts an expression's text into tokens that know their columns; knows words and signs, not what they mean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from engine.expressions.errors import ExpressionError, ExpressionProblem

MAX_CHARACTERS = 2_000

Kind = Literal["number", "date", "text", "name", "word", "sign", "end"]

WORDS = frozenset(
    {"and", "or", "not", "in", "is", "known", "unknown", "contains", "starts_with", "where", "true", "false"}
)
"""Words of the grammar; all other names are fields and functions."""


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is what the author wrote; `value` what a number, date or quoted text stands for."""

    kind: Kind
    text: str
    column: int
    value: float | str | date | None = None

    @property
    def end(self) -> int:
        return self.column + len(self.text)


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<date>\d{4}-\d{2}-\d{2}(?![\d-]))
      | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<sign>==|!=|<=|>=|[<>+\-*/()\[\],])
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_OTHER_SPELLINGS = {
    "=": "write == to compare",
    "!": "write not, or != to compare",
    "&": "write and",
    "|": "write or",
    "“": 'use straight quotes: "',
    "”": 'use straight quotes: "',
    "‘": "use straight quotes: '",
    "’": "use straight quotes: '",
    '"': "the closing quote is missing",
    "'": "the closing quote is missing",
    "{": 'fields stand for themselves here: write account.arr, not "{{ account.arr }}"',
    "%": "write a share as a number: 0.5 for 50 %",
}


def cut(text: str) -> list[Token]:
    """All tokens and an `end`; raises ExpressionError at the first thing that is none."""
    if len(text) > MAX_CHARACTERS:
        raise _error(
            MAX_CHARACTERS, 1, "PB206", f"an expression has at most {MAX_CHARACTERS:,} characters", "split it up"
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _not_a_token(text, at)
        if match.lastgroup != "space":
            tokens.append(_token(match))
        at = match.end()
    tokens.append(Token("end", "", len(text)))
    return tokens


def canonical(tokens: Sequence[Token]) -> str:
    """The text in one spacing, whatever the author's, so that layout does not change what an expression is."""
    parts: list[str] = []
    before: Token | None = None
    tight = True
    for token in tokens[:-1]:
        opens_call = token.text == "(" and before is not None and before.kind == "name"
        if not (tight or opens_call or (token.kind == "sign" and token.text in ("),]"))):
            parts.append(" ")
        parts.append(token.text)
        # A minus behind an operand subtracts; anywhere else it belongs to what follows.
        is_sign = token.text == "-" and (before is None or not _ends_operand(before))
        tight = token.kind == "sign" and (token.text in ("([") or is_sign)
        before = token
    return "".join(parts)


def _ends_operand(token: Token) -> bool:
    return token.kind in ("number", "date", "text", "name") or token.text in (
        ")",
        "]",
        "true",
        "false",
        "known",
        "unknown",
    )


def _token(match: re.Match[str]) -> Token:
    text, column = match[0], match.start()
    match match.lastgroup:
        case "number":
            return Token("number", text, column, _number(text, column))
        case "date":
            return Token("date", text, column, _date(text, column))
        case "text":
            return Token("text", text, column, _unquoted(text, column))
        case "name":
            return Token("word" if text in WORDS else "name", text, column)
        case _:
            return Token("sign", text, column)


def _number(text: str, column: int) -> float:
    number = float(text)
    if number > 1e100 or 0 < number < 1e-100:
        raise _error(
            column, len(text), "PB201", f"the number {text[:40]} is out of range", "numbers reach from 1e-100 to 1e100"
        )
    return number


def _date(text: str, column: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _error(column, len(text), "PB201", f"{text} is not a date", "write year-month-day") from None


def _unquoted(text: str, column: int) -> str:
    inner = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    wrong = next((c for c in inner if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF), None)
    if wrong is not None:
        raise _error(column, len(text), "PB201", f"the character U+{ord(wrong):04X} cannot be in a text", "remove it")
    return inner


def _not_a_token(text: str, at: int) -> ExpressionError:
    character = text[at]
    if character.isdigit() or character == ".":
        length = len(re.match(r"[\w.]*", text[at:])[0]) or 1  # type: ignore[index]  # matches at least nothing
        shown = text[at : at + min(length, 40)]
        return _error(
            at,
            length,
            "PB201",
            f'"{shown}" is not a number',
            "write for instance 25000 or 0.5; put a space before a unit",
        )
    hint = _OTHER_SPELLINGS.get(character, "remove it")
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return _error(at, 1, "PB201", f"{shown} means nothing here", hint)


def _error(column: int, length: int, code: str, message: str, hint: str) -> ExpressionError:
    return ExpressionError([ExpressionProblem(column=column, length=length, code=code, message=message, hint=hint)])
