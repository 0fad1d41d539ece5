"""The expression language: text is parsed, checked against a scope, compiled to Python here and to SQL in `store`."""

from engine.expressions.closures import on_row
from engine.expressions.env import Env, Evaluator, Value
from engine.expressions.errors import ExpressionError, ExpressionProblem
from engine.expressions.expression import Expression, parse_expression
from engine.expressions.scope import Scope

__all__ = [
    "Env",
    "Evaluator",
    "Expression",
    "ExpressionError",
    "ExpressionProblem",
    "Scope",
    "Value",
    "evaluate",
    "on_row",
    "parse_expression",
]


def evaluate(expression: Expression, env: Env) -> Value:
    """The expression's value for one account; None is unknown. Never raises."""
    value: Value = expression.evaluator(env)
    return value
