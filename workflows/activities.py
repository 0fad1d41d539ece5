"""The activities of the playbook workflow: decode, call the store, map to a receipt."""

from collections.abc import Callable

import sqlalchemy as sa
import structlog
from temporalio import activity

from engine.turns.runtime import Act, Entry, Receipt, Values
from store.leaps import ClockLeapt
from store.running import ledger, runs, watches
from workflows.acts import PERFORM
from workflows.acts.acting import Acting
from workflows.ports import Ports
from workflows.wire import Performing, Reading, Resting

_log = structlog.get_logger(__name__)
_TRIES = 5
"""After so many the fault is ours, not an outage's: the run goes to the error queue, where somebody sees it."""


class _EndedMeanwhile(Exception):
    """Another walk of the run, whose worker was thought dead, has ended it: asked again, the act finds that."""


class Activities:
    """Bound to one database and one set of connectors. Each call is one transaction, and safe to repeat."""

    def __init__(self, database: sa.Engine, ports: Ports) -> None:
        self._database = database
        self._ports = ports

    @activity.defn(name="perform")
    def perform(self, performing: Performing) -> Receipt:
        """Perform an act once, whoever asks how often, and write its trace line in the same transaction."""
        try:
            return self._once(performing, _perform)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, ClockLeapt, _EndedMeanwhile):
            # PostgreSQL is away, or busy with itself, or the clock cannot be right, or the run has just been ended by
            # another walk: Temporal asks again until it is otherwise.
            raise
        except Exception as error:
            if performing.act.verb == "end" or activity.info().attempt < _TRIES:
                raise
            _log.exception("act.broken", run=performing.run_id, step=performing.act.step, verb=performing.act.verb)
            broken = Receipt(outcome="failed", reason=f"{type(error).__name__}: {error}"[:500])
            return self._once(performing, lambda _acting, _act: broken)

    def _once(self, performing: Performing, do: Callable[[Acting, Act], Receipt]) -> Receipt:
        act, run_id = performing.act, performing.run_id
        with self._database.begin() as conn:
            acting = Acting.of(conn, run_id, performing.at, self._ports)
            # An act that was done before has its line already; what led to it may be news, where a run was set back.
            lines = [*performing.entries]

            def done() -> Receipt:
                made = do(acting, act)
                lines.append(_line(performing, made))
                return made

            receipt = ledger.once(conn, run_id, act, done)
            if act.then is not None and receipt.outcome == "done":
                is_open = runs.note_and_stand(conn, run_id, lines, act.then, performing.asked_at)
            else:
                is_open = runs.note(conn, run_id, lines)
            was_done_now = len(lines) > len(performing.entries)
            if was_done_now and act.verb != "end" and not is_open and not acting.ended:
                raise _EndedMeanwhile(f"run {run_id} was ended while {act.step} was done")
        _log.info("act", run=run_id, playbook=acting.playbook, step=act.step, verb=act.verb, outcome=receipt.outcome)
        return receipt

    @activity.defn(name="read")
    def read(self, reading: Reading) -> Values:
        """Facts as the last sweep left them."""
        with self._database.connect() as conn:
            return runs.read(conn, reading.run_id, reading.fields)

    @activity.defn(name="rest")
    def rest(self, resting: Resting) -> list[str]:
        """Write where the run rests; then, with its watches committed, tell which of them are true already."""
        with self._database.begin() as conn:
            opened = runs.rest(
                conn,
                resting.run_id,
                heard=resting.heard,
                due_at=resting.until,
                standing=resting.standing,
                stuck=resting.stuck,
                entries=resting.entries,
                waiting=resting.waiting,
                position=resting.position,
                missed=resting.missed,
                asked_at=resting.asked_at,
            )
        if opened is None or not resting.waiting:
            return []
        # All of them, not only the new ones: an attempt of this activity may have died between the two transactions.
        keys = [one.key for one in resting.waiting]
        with self._database.begin() as conn:
            met = list(watches.already_met(conn, resting.run_id, keys, resting.at))
            if not met:
                runs.settled(conn, resting.run_id, stuck=resting.stuck, asked_at=resting.asked_at)
            return met


def _perform(acting: Acting, act: Act) -> Receipt:
    if acting.ended and act.verb != "end":
        # Temporal was set back to before the end, or somebody ended the run beside it.
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason="the run has ended")
    return PERFORM[act.verb](acting, act)


def _line(performing: Performing, receipt: Receipt) -> Entry:
    act = performing.act
    detail = {"step": act.step, "outcome": receipt.outcome, **receipt.values}
    if act.visit > 1:
        detail["visit"] = act.visit
    if receipt.reason:
        detail["reason"] = receipt.reason
    return Entry(seq=act.seq, at=performing.at, path=act.path, what=act.verb, detail=detail)
