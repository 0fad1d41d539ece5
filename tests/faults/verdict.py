"""Whether a house that was killed again and again has kept its word: runs, tasks, mails and traces."""

import collections
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from store.schema import account, ledger, mail, outbox, run, task, trace
from tests.faults.crowd import Crowd, fate
from tests.faults.house import House, eventually
from workflows.acts import PERFORM

_IS_UNDER_WAY = mail.c.state.in_(("prepared", "handing_over"))


def judge(house: House, keys: Sequence[str], pairs: int, crowd: Crowd, said: str) -> list[str]:
    """Print the counts; everything that is not as planned."""
    mails = judge_mails(house)
    killed = ", ".join(f"{what} {n}" for what, n in house.killed.items()) or "nothing"
    counts = ", ".join(f"{n} {what}" for what, n in mails.items())
    sys.stdout.write(f"\n{len(keys) + pairs} runs; killed: {killed}; mails: {counts}; {said}\n")
    planned = {("talk", key): fate(i).ending for i, key in enumerate(keys)}
    planned |= {("pair", key): ("end", "both") for key in keys[:pairs]}
    found = endings(house)
    faults = [f"{which} ended as {found.get(which)}" for which, end in planned.items() if found.get(which) != end]
    if len(found) != len(planned):
        faults.append(f"{len(found)} runs instead of {len(planned)}")
    if mails["other"] or not mails["once"]:
        faults.append(f"mails: {counts}")
    return faults + faults_of_tasks(house) + faults_of_traces(house) + crowd.refused


def endings(house: House) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """(playbook, account) → (outcome, reason)."""
    query = sa.select(run.c.playbook, account.c.key, run.c.outcome, run.c.reason).join(
        account, account.c.id == run.c.account_id
    )
    return {(row.playbook, row.key): (row.outcome, row.reason) for row in house.query(query)}


def open_runs(house: House) -> int:
    return int(house.query(sa.select(sa.func.count()).select_from(run).where(run.c.state == "open"))[0][0])


def all_is_over(house: House) -> bool:
    """No run is open and no mail is under way."""
    unsettled = sa.select(sa.func.count()).select_from(mail).where(_IS_UNDER_WAY)
    return open_runs(house) == 0 and house.query(unsettled)[0][0] == 0


def wait_for_all(house: House) -> None:
    """Until all is over; where that never comes, the error tells what is left."""
    try:
        eventually("all runs ended, all mails settled", lambda: all_is_over(house))
    except AssertionError as error:
        raise AssertionError(f"{error}\n{_what_is_left(house)}") from None


def _what_is_left(house: House) -> str:
    untold = sa.select(sa.func.count()).where(outbox.c.run_id == run.c.id, outbox.c.delivered_at.is_(None))
    shown = (run.c.workflow_id, run.c.standing, run.c.at_step, run.c.heard, run.c.outbox_n, run.c.asked_at)
    runs = house.query(sa.select(*shown, untold.scalar_subquery().label("untold")).where(run.c.state == "open"))
    mails = house.query(sa.select(mail.c.id, mail.c.run_id, mail.c.state, mail.c.reason).where(_IS_UNDER_WAY))
    tasks = house.query(sa.select(task.c.run_id, task.c.step, task.c.state).where(task.c.state == "open"))
    log = house.worker.log.read_text(encoding="utf-8").splitlines()[-40:]
    return "\n".join([*map(str, runs), *map(str, mails), *map(str, tasks), *log])


def judge_mails(house: House) -> Mapping[str, int]:
    """once: sent and received once; unknown: marked so and received at most once; none: rightly never sent."""
    ends: collections.Counter[str] = collections.Counter({"once": 0, "unknown": 0, "other": 0})
    rows = house.query(sa.select(mail.c.message_id, mail.c.state))
    for row in rows:
        times = house.post.received[row.message_id]
        if (row.state, times) == ("sent", 1):
            ends["once"] += 1
        elif row.state == "unknown" and times <= 1:
            ends["unknown"] += 1
        elif (row.state, times) == ("skipped", 0):
            ends["skipped"] += 1
        else:
            ends["other"] += 1
    ends["other"] += len(set(house.post.received) - {row.message_id for row in rows})
    return ends


def faults_of_tasks(house: House) -> list[str]:
    """Each given once per step, each that a person settled heard by its run once, with that outcome."""
    faults = []
    rows = house.query(sa.select(task))
    counts = collections.Counter((row.run_id, row.step) for row in rows)
    faults += [f"task {step} of run {run_id} given {n} times" for (run_id, step), n in counts.items() if n != 1]
    given = {(row.run_id, row.step) for row in house.query(sa.select(ledger).where(ledger.c.effect == "task"))}
    faults += [f"run {run_id} believes in task {step}" for run_id, step in sorted(given ^ set(counts))]
    answers = collections.defaultdict(list)
    for line in house.query(sa.select(trace).where(trace.c.what == "answered")):
        answers[line.run_id, line.detail["step"]].append(line.detail["outcome"])
    ended = {row.id: row.outcome for row in house.query(sa.select(run.c.id, run.c.outcome))}
    for row in rows:
        heard = answers[row.run_id, row.step]
        # A run that was ended by a fact need not have heard of it any more.
        cut = ended[row.run_id] != "end" and not heard
        if row.state == "done" and heard != [row.outcome] and not cut:
            faults.append(f"task {row.step} of run {row.run_id} was {row.outcome}, heard {heard}")
        elif row.state not in ("done", "withdrawn"):
            faults.append(f"task {row.step} of run {row.run_id} is {row.state}")
    return faults


def faults_of_traces(house: House) -> list[str]:
    """Every line is there, every act has its receipt, and every receipt its line."""
    faults = []
    lines: dict[int, list[sa.Row[Any]]] = collections.defaultdict(list)
    for line in house.query(sa.select(trace).order_by(trace.c.run_id, trace.c.seq)):
        lines[line.run_id].append(line)
    receipts: dict[int, list[tuple[str, str]]] = collections.defaultdict(list)
    for row in house.query(sa.select(ledger)):
        receipts[row.run_id].append((row.step, row.effect))
        if not row.receipt.get("outcome"):
            faults.append(f"run {row.run_id}: {row.step}/{row.effect} has an empty receipt")
    for run_id in sorted(row.id for row in house.query(sa.select(run.c.id))):
        mine = lines[run_id]
        if [line.seq for line in mine] != list(range(1, len(mine) + 1)):
            faults.append(f"run {run_id}: trace lines {[line.seq for line in mine]}")
        acts = sorted((line.detail["step"], line.what) for line in mine if line.what in PERFORM)
        if acts != sorted(receipts[run_id]):
            faults.append(f"run {run_id}: acts {acts}, receipts {sorted(receipts[run_id])}")
        if not mine or mine[-1].what != "end":
            faults.append(f"run {run_id}: its trace does not close with its end")
    return faults
