"""`tenure quarantine`: what was told and not taken in."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import sqlalchemy as sa

from app.choices import one_of
from app.running import FINDINGS, Services, UsageError, say, show, show_list
from app.tables import clean, count, show_table
from store import clock
from store.deployed import load_workspace
from store.intake import quarantine
from store.intake.quarantine import Held, Release, State


def list_(state: str, source: str | None, limit: int, home: Path | None, *, as_json: bool) -> int:
    """The oldest first; 1 when something is held."""
    states: tuple[State, ...] = get_args(State)
    asked = one_of("state", state, states)
    with Services(home, must_exist=True) as services, services.database.connect() as conn:
        found = quarantine.list_held(conn, state=asked, source=source, limit=limit)
        held = quarantine.count_held(conn)
    if as_json:
        show_list(found.items, found.next, held=dict(held))
    elif found.items:
        rows = [(str(one.id), one.source, _place(one), one.code, _reason(one), _content(one)) for one in found.items]
        show_table(("NUMBER", "SOURCE", "PLACE", "CODE", "REASON", "CONTENT"), rows, give_way=("CONTENT", "REASON"))
        if found.next:
            say(f"… and more; --limit shows up to 500 of {sum(held.values()):,} held")
    else:
        say(f"nothing is {state}")
    return FINDINGS if held and state == "held" else 0


def release(ids: Sequence[int], source: str | None, by: str, home: Path | None, *, every: bool, as_json: bool) -> int:
    """Try it again; 1 when some of it stays."""
    return _settle(
        lambda conn, some: quarantine.release(conn, some, load_workspace(conn), by=by, now=clock.now(conn)),
        "taken in",
        _Chosen(ids, source, every=every),
        home,
        as_json=as_json,
    )


def drop(ids: Sequence[int], source: str | None, by: str, home: Path | None, *, every: bool, as_json: bool) -> int:
    """Never take it in; 1 when a number is not held."""
    return _settle(
        lambda conn, some: quarantine.drop(conn, some, by=by, now=clock.now(conn)),
        "dropped",
        _Chosen(ids, source, every=every),
        home,
        as_json=as_json,
    )


class _Chosen:
    """What a person means: numbers, a source, or all; exactly one of them."""

    def __init__(self, ids: Sequence[int], source: str | None, *, every: bool) -> None:
        if sum((bool(ids), source is not None, every)) != 1:
            raise UsageError("say which: numbers from `tenure quarantine list`, or --source NAME, or --all")
        self._ids, self._source = ids, source

    def held(self, conn: sa.Connection) -> Sequence[int]:
        return self._ids or quarantine.held_ids(conn, self._source)


def _settle(
    settle: Callable[[sa.Connection, Sequence[int]], Release],
    done: str,
    chosen: _Chosen,
    home: Path | None,
    *,
    as_json: bool,
) -> int:
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        result = settle(conn, chosen.held(conn))
    if as_json:
        show({"done": list(result.released), "stays": {str(n): why for n, why in result.stays.items()}})
    else:
        say(f"{count(len(result.released), 'row or fact', 'rows and facts')} {done}")
        for number, why in result.stays.items():
            say(clean(f"{number} stays: {why}"))
    return FINDINGS if result.stays else 0


def _place(one: Held) -> str:
    return "" if one.file is None else f"{one.file}:{one.line}"


def _reason(one: Held) -> str:
    return f"{one.part}: {one.reason}" if one.part else one.reason


def _content(one: Held) -> str:
    return json.dumps(one.content, ensure_ascii=False)
