"""`tenure start|retry|playbook`: what operators do to runs and playbooks."""

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from app.commands.going_on import go_on
from app.running import FINDINGS, Services, UsageError, plain, say, show
from store import clock
from store.deciding.enrolment import CannotEnrol, enrol
from store.deploying.deploy import rollback
from store.deploying.playbook_state import MOVES, Move
from store.running.operating import Do, NotTold, steer_run
from store.schema import playbook as playbook_table

_IS_SWEPT = sa.text("""
    select exists (select from account join account_now on account_now.account_id = account.id where account.key = :key)
""")


def start_playbook(playbook: str, account: str, by: str, home: Path | None, *, as_json: bool) -> int:
    """0 when a run started or its crossing is held; 1 when the rules say no."""
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            answer = enrol(conn, playbook, account, by)
        if isinstance(answer, CannotEnrol):
            raise UsageError(answer.message + (f" ({answer.hint})" if answer.hint else ""))
        started = answer.ruling.state == "started"
        with services.database.connect() as conn:
            swept = conn.execute(_IS_SWEPT, {"key": account}).scalar_one()
        went_on = go_on(services) if started else ""
    if as_json:
        show(plain(answer))
    elif started:
        print(f"run {answer.run_id} of {playbook} started for {account}; {went_on}")
    else:
        print(f"{answer.ruling.state.replace('_', ' ')}: {answer.ruling.why or 'the rules say so'}")
        if not swept:
            say(f"no sweep has looked at {account} yet; run: tenure sweep, or under a virtual clock: tenure advance")
    return 0 if answer.ruling.state in ("started", "held") else FINDINGS


def retry_run(number: int, home: Path | None, *, skip: bool, end: bool) -> int:
    """Answers every failed step the run stands at."""
    if skip and end:
        raise UsageError("choose one of --skip and --end")
    do: Do = "end" if end else "skip" if skip else "retry"
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            told = steer_run(conn, number, do, "an operator", clock.now(conn))
        if isinstance(told, NotTold):
            raise UsageError(f"{told.message}; see: tenure runs" if told.kind == "unknown" else told.message)
        went_on = go_on(services)
    say(f"run {number} is told to {'end' if end else 'skip its failed step' if skip else 'try again'}; {went_on}")
    return 0


def steer_playbook(name: str, do: str, to: int | None, home: Path | None) -> int:
    """Pause, resume, switch off or roll back."""
    if to is not None and do != "rollback":
        raise UsageError("--to belongs to rollback")
    if do == "rollback":
        return _roll_back(name, to, home)
    words: Mapping[Move, str] = {"pause": "paused", "resume": "active", "off": "switched off"}
    move = next((one for one in words if one == do), None)
    if move is None:
        raise UsageError(f'"{do}" is not one of {", ".join((*words, "rollback"))}')
    with Services(home, must_exist=True) as services:
        with services.database.begin() as conn:
            told = MOVES[move](conn, name)
            state = conn.execute(sa.select(playbook_table.c.state).where(playbook_table.c.id == name)).scalar_one()
        if told:
            go_on(services)
    if told is None:
        say(f"nothing changed: {name} is {'switched off' if state == 'off' else state}")
        return 0
    say(f"{name} is {words[move]}; {told} open {'run was' if told == 1 else 'runs were'} told")
    return 0


def _roll_back(name: str, to: int | None, home: Path | None) -> int:
    with Services(home, must_exist=True) as services, services.database.begin() as conn:
        version, report = rollback(conn, name, to, clock.now(conn))
    say(f"new runs of {name} start on version {version}; open runs keep theirs")
    for line in report.differences.get(name, ()):
        print(f"  {line}")
    return 0
