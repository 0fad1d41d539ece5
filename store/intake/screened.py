"""Takes in facts from outside that nobody has checked; what is too odd to act upon is put aside with its reason."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from engine.facts import IncomingFact
from engine.screening import Screen
from engine.workspace import Workspace
from engine.workspace.quarantine import Quarantine
from store import clock
from store.deployed import NothingDeployed, load_workspace
from store.intake import take_in
from store.intake.quarantine import ODD, Aside, put_aside
from store.intake.report import IntakeReport, Refusal


def take_in_screened(conn: sa.Connection, facts: Sequence[IncomingFact], *, source: str) -> IntakeReport:
    """Places in the report are those of the list. Facts about accounts nobody knows are put aside as well."""
    now = clock.now(conn)
    workspace = _deployed(conn)
    limits, catalogue = (workspace.quarantine, workspace.catalogue()) if workspace else (Quarantine(), None)
    screen = Screen(limits, now, catalogue)
    faults = {n: why for n, fact in enumerate(facts) if (why := screen.fault(fact)) is not None}
    places = [n for n in range(len(facts)) if n not in faults]
    report = take_in(conn, [facts[n] for n in places], known_at=now)
    refused = [replace(problem, n=places[problem.n]) for problem in report.problems]
    odd = [Refusal(n=n, fact=facts[n], why="odd", message=f"put aside: {why}") for n, why in faults.items()]
    problems = sorted((*refused, *odd), key=lambda one: one.n)
    aside = [
        Aside(source=source, code=_CODES[one.why], reason=faults.get(one.n, one.message), fact=one.fact)
        for one in problems
        if one.why in _CODES
    ]
    put_aside(conn, aside, now)
    return replace(report, fresh=tuple(places[n] for n in report.fresh), problems=tuple(problems))


_CODES = {"odd": ODD, "unknown_account": "PB523"}


def _deployed(conn: sa.Connection) -> Workspace | None:
    try:
        return load_workspace(conn)
    except NothingDeployed:
        return None
