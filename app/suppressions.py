"""Reads lists of addresses that are not to be written to: what a person types, and CSV files of other programs."""

from collections.abc import Iterator
from pathlib import Path

from connectors.email.message import envelope_address
from connectors.errors import Rejected
from engine.imports import Table, read_table
from engine.problems import Problem, Spot
from store.consent import Suppressing

_ADDRESS = ("address", "email", "email address", "e-mail")
"""Names by which programs call the column, in any case."""


class NoAddresses(Exception):
    """The file cannot be a list of addresses; the message says why."""


def checked(address: str) -> str:
    """The address, if mail could be sent there; ValueError otherwise."""
    try:
        envelope_address(address.strip(), "recipient", international=True)
    except Rejected as error:
        raise ValueError(str(error)) from error
    return address.strip()


def read_suppressions(file: Path) -> tuple[list[Suppressing], list[Problem]]:
    """The addresses of a CSV file, and the rows that hold none; raises NoAddresses for a file that is no such list."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise NoAddresses(f"{file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise NoAddresses(f"{file} is not UTF-8 text; save it as UTF-8") from error
    table = read_table(text, str(file))
    column = next((i for i, name in enumerate(table.columns) if name.casefold() in _ADDRESS), None)
    if column is None:
        found = ", ".join(table.columns[:12]) or "none"
        raise NoAddresses(f"{file} has no column called address or email in its first line (columns: {found})")
    rows = list(_rows(table, column))
    taken = [one for one in rows if isinstance(one, Suppressing)]
    return taken, [one for one in rows if isinstance(one, Problem)]


def _rows(table: Table, column: int) -> Iterator[Suppressing | Problem]:
    for row in table.rows:
        if isinstance(row, Problem):
            yield row
            continue
        line, cells = row
        try:
            address = checked(cells[column])
        except ValueError as error:
            spot = Spot(file=table.file, line=line, path=table.columns[column])
            yield Problem(code="PB521", spot=spot, message=str(error), hint="correct the row, or leave it out")
        else:
            yield Suppressing(address=address, reason="imported", note=Path(table.file).name)
