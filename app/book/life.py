"""Lets the book live: its past is taken in once, its days as they come, its people act when a playbook asks them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from app.book.book import Book
from app.book.diary import Dated
from app.book.people import REFERENCES, People
from app.book.reached import Reached
from engine.calendars import Place, add_business_days
from engine.facts import EventFact
from engine.project import Project
from store import clock
from store.deploying.deploy import deploy, publications
from store.inbox import tasks
from store.intake import arriving, take_in, take_in_dated
from store.postgres.statements import Statement
from store.queries.overview import counts as overview_counts
from store.responses import surveys
from store.responses.seeing import record_event
from store.schema import account, event, task

Doing = Callable[[sa.Connection, datetime], object]
_PLACE = Place(zone="UTC")
_HOURS_A_DAY = 8
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_CALENDAR = "https://meet.tidewright.example/"
"""Who clicks on this address in a mail books a date."""
_REMEMBERED = timedelta(days=50)
"""How far back people are asked once more after a restart: the longest that anybody takes."""


class Appoint(Protocol):
    """Has something happen at an instant; those of one instant in the order of their names."""

    def __call__(self, at: datetime, do: Doing, *, name: str) -> None: ...


def is_known(database: sa.Engine) -> bool:
    """Whether this database has a book already."""
    with database.connect() as conn:
        return bool(conn.execute(sa.select(sa.exists().where(account.c.id > 0))).scalar())


def beginning(start: date) -> datetime:
    """The instant at which the first day begins."""
    return datetime.combine(start, time(), UTC)


def begin_life(database: sa.Engine, start: date, past: Iterable[Sequence[Dated]]) -> int:
    """Take in the past, part by part in the order in which it became known, and stop the clock at the start; all or
    nothing. How many facts that were."""
    told = 0
    with database.begin() as conn:
        clock.set_virtual(conn, beginning(start))
        for part in past:
            take_in_dated(conn, ((fact, known_at) for known_at, fact in part))
            told += len(part)
    return told


def publish(database: sa.Engine, project: Project, now: datetime) -> None:
    """Deploy the shipped workspace and playbooks; unchanged ones stay as they are."""
    assert project.workspace is not None
    with database.begin() as conn:
        deploy(conn, project.workspace, publications(project), now)


class Life:
    """The demo's world beside Tenure. `look` is called when all is quiet, and makes appointments for people."""

    def __init__(self, database: sa.Engine, project: Project, book: Book) -> None:
        self._database, self._project, self._book = database, project, book
        self._people = People(book.seed)
        self._seen_task = 0
        self._seen_mails = Reached(_EARLIEST)
        self.appoint: Appoint = _never

    def knows(self, day: date) -> bool:
        return self._book.first <= day <= self._book.last

    def stage(self, day: date) -> None:
        """Put the facts of a day where the clock will find them."""
        with self._database.begin() as conn:
            arriving.stage(conn, ((fact, known_at) for known_at, fact in self._book.on(day)))

    def look(self, now: datetime) -> None:
        """Ask the people about every task and mail that is new to them; after a restart, of all that may be unanswered.

        They are pure: what they have done already is left out, and the rest comes as it would have come.
        """
        since = now - _REMEMBERED
        tasks_asked = {"seen": self._seen_task, "since": since, "references": list(REFERENCES)}
        mails_asked = {"since": since, "calendar": _CALENDAR} | self._seen_mails.asked()
        with self._database.connect() as conn:
            new_tasks = _NEW_TASKS.read(conn, tasks_asked)
            new_mails = _NEW_MAILS.read(conn, mails_asked)
        for row in new_tasks:
            self._seen_task = row.id
            if row.state == "open":
                self._ask_colleague(row, now)
            else:
                self._expect_reference(row, row.outcome, row.settled_at)
        for sent in new_mails:
            self._ask_customer(sent, now)
        self._seen_mails = self._seen_mails.through((sent.id, sent.settled_at) for sent in new_mails)

    def counts(self) -> dict[str, Any]:
        """The demo's closing figures."""
        with self._database.connect() as conn:
            found = overview_counts(conn, clock.now(conn))
            clock_at = clock.now(conn)
        return {
            "clock": clock_at.isoformat(),
            "accounts": found.accounts,
            "scored": found.scored,
            "crossings": found.crossings,
            "held": found.held,
            "runs_started": found.runs_started,
            "runs_open": found.runs_open,
            "runs_ended": dict(found.runs_ended),
            "mails_sent": found.mails.get("sent", 0),
            "mails": dict(found.mails),
            "tasks_created": found.tasks_created,
            "tasks_completed": found.tasks_completed,
            "steps_failed": found.steps_failed,
        }

    def _ask_colleague(self, row: Any, now: datetime) -> None:
        answer = self._people.task(
            account=row.key, playbook=row.playbook, step=row.step, outcomes=row.outcomes, created_at=row.created_at
        )
        if answer is None:
            return
        days, hours = divmod(answer.business_hours, _HOURS_A_DAY)
        at = add_business_days(row.created_at, int(days), _PLACE) + timedelta(hours=hours)
        by = row.assignee or "nobody"

        def do(conn: sa.Connection, instant: datetime) -> object:
            return tasks.complete(conn, row.id, answer.outcome, answer.note or None, by, instant)

        at = _at_the_next_stop(max(at, now))
        self.appoint(at, do, name=f"{row.key} {row.step} task")
        if answer.outcome in REFERENCES:
            self._expect_reference(row, answer.outcome, at)

    def _expect_reference(self, row: Any, kind: str, promised_at: datetime) -> None:
        delay = self._people.reference(account=row.key, kind=kind, promised_at=promised_at)
        if delay is None:
            return

        def do(conn: sa.Connection, instant: datetime) -> object:
            agreed = sa.select(sa.exists().where(task.c.id == row.id, task.c.outcome == kind))
            if not conn.execute(agreed).scalar():
                return None  # the task was withdrawn before anybody could promise
            return self._happens(conn, row.key, "reference_given", kind, f"task/{row.id}", instant)

        self.appoint(_at_the_next_stop(promised_at + delay), do, name=f"{row.key} {row.step} reference")

    def _happens(  # noqa: PLR0917 - read aloud: at this account, this event of that kind, known by this key, now
        self, conn: sa.Connection, account_key: str, type_: str, kind: str, key: str, at: datetime
    ) -> object:
        fact = EventFact(type=type_, key=f"demo/{key}", account=account_key, at=at, props={"kind": kind})
        mine = event.c.type == type_, event.c.key == fact.key
        if conn.execute(sa.select(sa.exists().where(*mine))).scalar():
            return None  # before the restart
        return take_in(conn, [fact], known_at=at)

    def _ask_customer(self, row: Any, now: datetime) -> None:
        if row.survey is not None:
            if not row.answered:
                self._ask_for_a_score(row, now)
            return
        for reaction in self._people.mail(account=row.key, contact=row.contact, step=row.step, sent_at=row.settled_at):
            at = _at_the_next_stop(max(row.settled_at + reaction.delay, now))
            key = f"demo/{row.id}/{reaction.type}"

            def do(conn: sa.Connection, instant: datetime, type_: Any = reaction.type, key: str = key) -> object:
                return record_event(conn, row.id, type_, key, instant, now=instant)

            if reaction.type not in row.seen:
                self.appoint(at, do, name=f"{row.key} {row.step} {row.contact} {reaction.type}")
            if row.books and reaction.type == "clicked":
                clicked = _at_the_next_stop(row.settled_at + reaction.delay)
                self._book_a_date(row, max(clicked + timedelta(minutes=30), now))

    def _book_a_date(self, row: Any, at: datetime) -> None:
        def do(conn: sa.Connection, instant: datetime) -> object:
            return self._happens(conn, row.key, "meeting_booked", "review", f"mail/{row.id}", instant)

        self.appoint(at, do, name=f"{row.key} {row.step} {row.contact} date")

    def _ask_for_a_score(self, row: Any, now: datetime) -> None:
        sent_at, mood = row.settled_at, self._book.mood(row.key, row.settled_at.date())
        answer = self._people.survey(account=row.key, contact=row.contact, step=row.step, sent_at=sent_at, mood=mood)
        workspace = self._project.workspace
        if answer is None or workspace is None:
            return

        def do(conn: sa.Connection, instant: datetime) -> object:
            return surveys.answer(conn, row.survey, answer.score, "", workspace, instant)

        at = _at_the_next_stop(max(sent_at + answer.delay, now))
        self.appoint(at, do, name=f"{row.key} {row.step} {row.contact} score")


def _never(at: datetime, do: Doing, *, name: str) -> None:
    """Until somebody drives."""


def _at_the_next_stop(at: datetime) -> datetime:
    """People act six times a day, all together: an instant of one's own is one more stop of the clock."""
    return at + (_EARLIEST - at) % timedelta(hours=4)


_NEW_TASKS = Statement("""
    select task.id, task.step, task.outcomes, task.created_at, task.assignee, task.state, task.outcome, task.settled_at,
        run.playbook, account.key
    from task join run on run.id = task.run_id join account on account.id = task.account_id
    where task.id > %(seen)s and (task.state = 'open' or task.state = 'done' and task.settled_at > %(since)s
        and task.outcome = any(cast(%(references)s as text[])))
    order by task.id
""")
_NEW_MAILS = Statement("""
    select mail.id, mail.step, mail.settled_at, account.key, contact.key as contact, survey.id as survey,
        survey.score is not null as answered, strpos(mail.plain, %(calendar)s) > 0 as books,
        array(select mail_event.type from mail_event where mail_event.mail_id = mail.id) as seen
    from mail join account on account.id = mail.account_id join contact on contact.id = mail.contact_id
    left join survey on survey.run_id = mail.run_id and survey.step = mail.step and survey.visit = mail.visit
    where mail.state = 'sent' and mail.settled_at > %(since)s and mail.settled_at >= %(at)s
        and mail.id <> all(cast(%(numbers)s as bigint[]))
    order by mail.settled_at, mail.id
""")
