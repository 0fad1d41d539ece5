"""Pausing, resuming and switching off a playbook: its starts, and what its open runs are told."""

from collections.abc import Callable, Mapping
from typing import Literal

import sqlalchemy as sa

from engine.entry import PlaybookState
from store import clock
from store.current.touched import Touched, bits
from store.deciding import memories
from store.deciding.event_triggers import forget_settling
from store.deciding.sweep_lock import wait_for_sweep
from store.deployed import NothingDeployed, note_change
from store.schema import change, crossing, playbook, run, trigger
from store.telling import tell

Move = Literal["pause", "resume", "off"]


def pause(conn: sa.Connection, name: str) -> int | None:
    """No starts and no acts until resumed; facts, goals, exits and timers go on. How many open runs are told; None
    where it is not active, and nothing happens."""
    if _move(conn, name, "paused", ("active",)) is None:
        return None
    return tell(conn, _open_runs(conn, name), "pause", at=clock.now(conn))


def resume(conn: sa.Connection, name: str) -> int | None:
    """Go on after a pause; what was held starts if it still may. After switching off, memories begin anew. None where
    it is active already."""
    was = _move(conn, name, "active", ("paused", "off"))
    if was is None:
        return None
    if was == "off":
        _begin_anew(conn, name)
        return 0
    _look_at_held(conn, name)
    return tell(conn, _open_runs(conn, name), "resume", at=clock.now(conn))


def switch_off(conn: sa.Connection, name: str) -> int | None:
    """No starts, and the open runs end. How many are told; None where it is off already."""
    if _move(conn, name, "off", ("active", "paused")) is None:
        return None
    _look_at_held(conn, name)
    forget_settling(conn, name)
    values = {"reason": "the playbook was switched off"}
    return tell(conn, _open_runs(conn, name), "end", of="stop", values=values, at=clock.now(conn))


MOVES: Mapping[Move, Callable[[sa.Connection, str], int | None]] = {
    "pause": pause,
    "resume": resume,
    "off": switch_off,
}


def move_all(conn: sa.Connection, do: Literal["pause", "resume"]) -> Mapping[str, int]:
    """Pause every active playbook, or resume every paused one; those that moved, with how many runs were told."""
    of: PlaybookState = "active" if do == "pause" else "paused"
    names = conn.execute(sa.select(playbook.c.id).where(playbook.c.state == of).order_by(playbook.c.id)).scalars()
    moved = {name: MOVES[do](conn, name) for name in names.all()}
    return {name: told for name, told in moved.items() if told is not None}


def _move(conn: sa.Connection, name: str, to: PlaybookState, from_: tuple[PlaybookState, ...]) -> PlaybookState | None:
    """The state before; None when there is nothing to do."""
    wait_for_sweep(conn)
    was: PlaybookState | None = conn.execute(sa.select(playbook.c.state).where(playbook.c.id == name)).scalar()
    if was is None:
        raise NothingDeployed(f"playbook {name} is not deployed")
    if was not in from_:
        return None
    conn.execute(sa.update(playbook).where(playbook.c.id == name).values(state=to))
    note_change(conn, name, clock.now(conn))
    return was


def _open_runs(conn: sa.Connection, name: str) -> list[int]:
    return list(conn.execute(sa.select(run.c.id).where(run.c.playbook == name, run.c.state == "open")).scalars())


def _look_at_held(conn: sa.Connection, name: str) -> None:
    """The next sweep rules on the crossings that are held."""
    held = (crossing.c.playbook == name, crossing.c.state == "held")
    accounts = sa.select(crossing.c.account_id, bits(Touched.NOTHING)).where(*held).distinct()
    conn.execute(sa.insert(change).from_select(["account_id", "touched"], accounts))
    conn.execute(_WAKE_SWEEP)


def _begin_anew(conn: sa.Connection, name: str) -> None:
    """While it was off nobody looked, so what is true by now is existing, and moments in between have passed."""
    live = (trigger.c.playbook == name, trigger.c.live)
    rows = conn.execute(sa.select(trigger.c.id, trigger.c.bit).where(*live).order_by(trigger.c.id)).all()
    memories.forget_holds(conn, name, [row.id for row in rows])
    forget_settling(conn, name)
    memories.forget(conn, [memories.Bit(row.bit) for row in rows if row.bit is not None])
    conn.execute(sa.update(trigger).where(*live).values(since=clock.now(conn)))
    conn.execute(_LOOK_AT_EVERYONE)


_WAKE_SWEEP = sa.text("select pg_notify('tenure_facts', '')")
_LOOK_AT_EVERYONE = sa.text("""
    with noted as (insert into change (account_id) values (null))
    select pg_notify('tenure_facts', '')
""")
