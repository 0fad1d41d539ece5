"""The SQL back end of expressions: the same meaning as `engine.expressions`, for a whole table at once."""
