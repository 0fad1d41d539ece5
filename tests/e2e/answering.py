"""The people of many accounts under a virtual clock: they answer new tasks and mails as their habits say."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.errors import UnknownOutcome
from connectors.http import Declined
from connectors.webhook.port import Answered, Request
from engine.simulation import People
from store.deployed import load_workspace
from store.inbox import tasks
from store.responses import surveys
from store.responses.seeing import record_event
from store.schema import account, mail, survey, task
from workflows.driver import Driver


class Answering:
    """`look` goes to the driver as what it does when all is quiet at an instant."""

    def __init__(self, database: sa.Engine, people: Mapping[str, People]) -> None:
        """`people` by the account's key."""
        self._database = database
        self._people = people
        self._tasks = 0
        self._answered: set[int] = set()
        """Mails; one that waits for its send window leaves after younger ones."""
        self.driver: Driver | None = None

    def look(self, _now: datetime) -> None:
        """Make appointments for what has been asked since the last look."""
        assert self.driver is not None
        with self._database.connect() as conn:
            new_tasks = conn.execute(
                sa.select(task, account.c.key.label("of"))
                .join(account)
                .where(task.c.id > self._tasks)
                .order_by(task.c.id)
            ).all()
            new_mails = conn.execute(
                sa.select(mail, account.c.key.label("of"))
                .join(account, account.c.id == mail.c.account_id)
                .where(mail.c.id.not_in(self._answered), mail.c.state == "sent")
                .order_by(mail.c.id)
            ).all()
        for row in new_tasks:
            self._tasks = row.id
            doing = self._people[row.of].task(row.step, row.outcomes)
            if doing:
                self.driver.appoint(row.created_at + doing[0], _completing(row.id, doing[1]))
        for row in new_mails:
            self._answered.add(row.id)
            for delay, event in self._people[row.of].mail(row.step)[1]:
                self.driver.appoint(row.settled_at + delay, _noticing(row.id, event))
            answer = self._people[row.of].survey(row.step)
            if answer:
                asked = (row.run_id, row.step, row.visit)
                self.driver.appoint(row.settled_at + answer[0], _answering(asked, answer[1]))


class Receiving:
    """Receives the webhooks of many accounts in memory, and answers as habits say; `case` in the body tells whose."""

    def __init__(self, people: Mapping[str, People]) -> None:
        self._people = people
        self.ids: list[str] = []

    def call(self, request: Request, hand_over: Callable[[], None]) -> Answered:
        whose, _, step = request.body["case"].partition("/")
        outcome, status = self._people[whose].webhook(step)
        hand_over()
        self.ids.append(request.id)
        if outcome == "refused":
            raise Declined("", status or 400)
        if outcome == "unknown":
            raise UnknownOutcome
        return Answered(status=status or 200)


def _completing(task_id: int, outcome: str) -> Any:
    return lambda conn, now: tasks.complete(conn, task_id, outcome, None, "kim", now)


def _answering(asked: tuple[int, str, int], score: int) -> Any:
    of = sa.tuple_(survey.c.run_id, survey.c.step, survey.c.visit)

    def answer(conn: sa.Connection, now: datetime) -> None:
        survey_id = conn.execute(sa.select(survey.c.id).where(of == asked)).scalar_one()
        taken = surveys.answer(conn, survey_id, score, "", load_workspace(conn), now)
        assert taken == surveys.Thanks(score=score), taken

    return answer


def _noticing(mail_id: int, event: str) -> Any:
    kind: Any = event.removeprefix("email.")
    return lambda conn, now: record_event(conn, mail_id, kind, f"{mail_id}/{kind}", now, now=now)
