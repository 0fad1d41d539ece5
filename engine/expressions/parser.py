"""Reads an expression's text into its syntax, after Pratt: every operator has a strength; knows no fields, no types."""

from functools import lru_cache

from engine.durations import SPOKEN, Unit
from engine.expressions.errors import ExpressionError, ExpressionProblem
from engine.expressions.syntax import Call, Constant, Name, Operation, Span, Syntax, parts_of
from engine.expressions.tokens import Token, cut

MAX_DEPTH = 32
MAX_NODES = 400
_MAX_NESTING = 64
"""Of brackets and operators while reading, so that a hostile text cannot exhaust the stack."""

_OR, _AND, _NOT, _COMPARE, _ADD, _TIMES, _MINUS = range(1, 8)

_STRENGTH: dict[str, int] = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not", "is", "contains", "starts_with"), _COMPARE),
    **dict.fromkeys(("+", "-"), _ADD),
    **dict.fromkeys(("*", "/"), _TIMES),
}
_WRONG_CASE = {"AND", "OR", "NOT", "IN", "IS", "And", "Or", "Not", "TRUE", "FALSE", "True", "False", "KNOWN", "UNKNOWN"}
_NOTHING = {"null", "none", "None", "NULL", "nil", "empty", "missing"}


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Syntax, tuple[Token, ...]]:
    """The syntax and the tokens it was read from; raises ExpressionError at the first fault."""
    tokens = cut(text)
    if len(tokens) == 1:
        raise _error(tokens[0], "the expression is empty", "write a condition, such as account.arr >= 25000")
    syntax = _Parser(tokens).whole()
    _bounded(syntax)
    return syntax, tuple(tokens)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0

    def whole(self) -> Syntax:
        syntax = self._expression(0)
        if self._next.kind != "end":
            raise self._unexpected()
        return syntax

    # --- the engine -------------------------------------------------------------------------------------------------

    def _expression(self, above: int) -> Syntax:
        """Everything from here that binds more strongly than `above`."""
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise _error(self._next, "the expression is nested too deeply", "split it up", "PB206")
        left = self._start()
        while (strength := self._strength()) > above:
            left = self._continued(left, strength)
        self._nesting -= 1
        return left

    def _strength(self) -> int:
        token = self._next
        if token.text == "not" and self._tokens[self._at + 1].text != "in":
            return 0
        return _STRENGTH.get(token.text, 0) if token.kind in ("sign", "word") else 0

    def _start(self) -> Syntax:
        if self._next.kind == "end":
            raise self._unexpected()
        token = self._take()
        match token.kind, token.text:
            case "number", _:
                return self._number_or_span(token)
            case (("text" | "date"), _):
                assert token.value is not None
                return Constant(token.value, token.column, token.end)
            case "word", ("true" | "false"):
                return Constant(token.text == "true", token.column, token.end)
            case "word", "not":
                inner = self._expression(_NOT)
                return Operation("not", (inner,), token.column, inner.end)
            case "sign", "-":
                inner = self._expression(_MINUS)
                return Operation("-", (inner,), token.column, inner.end)
            case "sign", "(":
                inner = self._expression(0)
                self._expect(")")
                return inner
            case "name", _:
                return self._call(token) if self._next.text == "(" else self._name(token)
            case _:
                self._at -= 1
                raise self._unexpected()

    def _continued(self, left: Syntax, strength: int) -> Syntax:
        sign = self._take()
        match sign.text:
            case "and" | "or":
                parts = [left, self._expression(strength)]
                while self._next.text == sign.text and self._next.kind == "word":
                    self._take()
                    parts.append(self._expression(strength))
                return Operation(sign.text, tuple(parts), left.column, parts[-1].end)
            case "is":
                word = self._take()
                if word.text not in ("known", "unknown"):
                    raise _error(word, "after is stands known or unknown", "write == to compare")
                return self._single(Operation(f"is {word.text}", (left,), left.column, word.end))
            case "in":
                return self._single(self._among("in", left))
            case "not":
                self._take()
                return self._single(self._among("not in", left))
            case _:
                right = self._expression(strength)
                operation = Operation(sign.text, (left, right), left.column, right.end)
                return self._single(operation) if strength == _COMPARE else operation

    def _single(self, comparison: Operation) -> Operation:
        """Comparisons do not chain: `1 < x < 5` would not mean what it seems to."""
        if self._strength() == _COMPARE:
            raise _error(self._next, "a comparison cannot go on with another one", "join two comparisons with and")
        return comparison

    # --- forms ------------------------------------------------------------------------------------------------------

    def _number_or_span(self, number: Token) -> Syntax:
        assert isinstance(number.value, float)
        if self._next.kind != "name":
            return Constant(number.value, number.column, number.end)
        if self._next.text in _WRONG_CASE:
            raise self._unexpected()
        word = self._take()
        unit: Unit | None = SPOKEN.get(word.text)
        end = word.end
        if word.text == "business" and self._next.text in ("day", "days"):
            unit, end = "business_days", self._take().end
        if unit is None:
            raise _error(
                word, f'"{word.text}" is not a unit of time', "units are minutes, hours, days, weeks, months, years"
            )
        return Span(number.value, unit, number.column, end)

    def _name(self, token: Token) -> Name:
        if token.text in _WRONG_CASE:
            raise _error(token, f'"{token.text}" is written in lower case', f"write {token.text.lower()}")
        if token.text in _NOTHING:
            raise _error(token, f'"{token.text}" is no value', 'write "… is unknown" or "… is known"')
        return Name(token.text, token.column, token.end)

    def _call(self, name: Token) -> Call:
        self._take()
        arguments: list[Syntax] = []
        where: Syntax | None = None
        while self._next.text != ")" or self._next.kind != "sign":
            arguments.append(self._expression(0))
            if self._next.kind == "word" and self._next.text == "where":
                word = self._take()
                if where is not None or len(arguments) > 1:
                    raise _error(word, "where belongs to the rows, the first thing in the brackets", "move it there")
                where = self._expression(0)
            if self._next.text != ",":
                break
            self._take()
        return Call(name.text, tuple(arguments), where, name.column, self._expect(")").end)

    def _among(self, sign: str, left: Syntax) -> Operation:
        if self._next.text != "[":
            raise _error(self._next, "after in stands a list", 'write for instance in ["monthly", "annual"]')
        self._take()
        options: list[Syntax] = []
        while self._next.text != "]":
            options.append(self._expression(_COMPARE))
            if self._next.text != ",":
                break
            self._take()
        end = self._expect("]").end
        return Operation(sign, (left, *options), left.column, end)

    # --- tokens -----------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _expect(self, sign: str) -> Token:
        token = self._next
        if token.kind != "sign" or token.text != sign:
            raise self._unexpected(f"{sign} is missing")
        return self._take()

    def _unexpected(self, missing: str = "") -> ExpressionError:
        token = self._next
        if token.kind == "end":
            return _error(token, f"the expression ends too soon{missing and f': {missing}'}", "complete it")
        if token.text in _WRONG_CASE:
            return _error(token, f'"{token.text}" is written in lower case', f"write {token.text.lower()}")
        if token.text in ("contains", "starts_with"):
            return _error(token, f"{token.text} stands between two texts", f'write account.name {token.text} "word"')
        if token.text == "[":
            return _error(token, "a list stands only after in", 'write for instance in ["monthly", "annual"]')
        hint = f"before it, {missing}" if missing else "is and, or, or an operator missing before it?"
        return _error(token, f"{token.text} is not expected here", hint)


def _bounded(syntax: Syntax) -> None:
    waiting, nodes = [(syntax, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > MAX_DEPTH:
            raise _too_big(node, f"an expression is at most {MAX_DEPTH} levels deep")
        if nodes > MAX_NODES:
            raise _too_big(node, f"an expression has at most {MAX_NODES} parts")
        waiting.extend((part, depth + 1) for part in parts_of(node))


def _too_big(node: Syntax, message: str) -> ExpressionError:
    problem = ExpressionProblem(
        column=node.column, length=node.end - node.column, code="PB206", message=message, hint="split it up"
    )
    return ExpressionError([problem])


def _error(token: Token, message: str, hint: str, code: str = "PB201") -> ExpressionError:
    problem = ExpressionProblem(
        column=token.column, length=max(len(token.text), 1), code=code, message=message, hint=hint
    )
    return ExpressionError([problem])
