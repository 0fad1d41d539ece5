"""Turns the rows of a source's files into facts, each with the instant it became known; reads no file itself.

A row is learned on its own date: an account at its signup, a record's start when it started and its end when it ended.
Nothing about an account is learned before the account. Which account a row belongs to is identity, not knowledge.
"""

from engine.imports.reading import Block, Known, Reader, Rejected, wanted_columns
from engine.imports.tables import Table, csv_table, json_lines_table, read_table

__all__ = [
    "Block",
    "Known",
    "Reader",
    "Rejected",
    "Table",
    "csv_table",
    "json_lines_table",
    "read_table",
    "wanted_columns",
]
