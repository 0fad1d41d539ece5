"""`tenure start|retry|playbook`: what operators do to runs and playbooks."""

from pathlib import Path

from app.running import FINDINGS, Services, UsageError, plain, say, show


def start_playbook(playbook: str, account: str, by: str, home: Path | None, *, as_json: bool) -> int:
    """0 when a run started or its crossing is held; 1 when the rules say no."""
    from store.enrolment import CannotEnrol, enrol

    with Services(home) as services, services.database.begin() as conn:
        answer = enrol(conn, playbook, account, by)
    if isinstance(answer, CannotEnrol):
        raise UsageError(f"{answer.message} {answer.hint}".rstrip())
    if as_json:
        show(plain(answer))
    else:
        print(f"{answer.ruling.state} {answer.ruling.why or ''}".rstrip())
    return 0 if answer.ruling.state in ("started", "held") else FINDINGS


def retry_run(number: int, home: Path | None, *, skip: bool, end: bool) -> int:
    """Answers every failed step the run stands at."""
    import sqlalchemy as sa

    from store import clock, runs
    from store.schema import run

    if skip and end:
        raise UsageError("choose one of --skip and --end")
    with Services(home) as services, services.database.begin() as conn:
        row = conn.execute(sa.select(run).where(run.c.id == number)).one_or_none()
        if row is None:
            raise UsageError(f"there is no run {number}; see: tenure runs")
        if row.state != "open":
            raise UsageError(f"run {number} has ended: {row.reason}")
        now = clock.now(conn)
        if end:
            runs.tell(conn, number, "end", of="stop", values={"reason": "ended by an operator"}, at=now)
        elif row.standing != "stuck":
            raise UsageError(f"run {number} is not in the error queue; it is {row.standing}")
        else:
            failed = [stand["step"] for stand in row.at_step if stand["says"].startswith("failed:")]
            for step in failed:
                runs.tell(conn, number, "retry", of=step, values={"do": "skip" if skip else "retry"}, at=now)
    say(f"run {number} is told")
    return 0


def steer_playbook(name: str, do: str, home: Path | None) -> int:
    """Pause, resume or switch off."""
    from store.deploy import pause, resume, switch_off

    calls = {"pause": pause, "resume": resume, "off": switch_off}
    if do not in calls:
        raise UsageError(f'"{do}" is not one of {", ".join(calls)}')
    with Services(home) as services, services.database.begin() as conn:
        calls[do](conn, name)
    say(f"{name}: {do}")
    return 0
