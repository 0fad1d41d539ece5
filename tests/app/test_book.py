from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest

from app.book import Book, People
from app.book.book import NEWCOMERS_WITHIN
from app.book.diary import Dated
from app.book.stories import story_of
from engine.facts import (
    FACT,
    AccountFact,
    ContactFact,
    EventFact,
    IncomingFact,
    MetricFact,
    PersonFact,
    RecordFact,
    account_key,
    fact_json,
)
from engine.workspace import Workspace, load_workspace

START = date(2026, 3, 2)
FOLDER = Path(__file__).parents[2] / "playbooks"


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(7, 200, START)


@pytest.fixture(scope="module")
def history(book: Book) -> Sequence[Dated]:
    return list(book.history())


@pytest.fixture(scope="module")
def coming(book: Book) -> Sequence[Dated]:
    """The sixty days a demo shows."""
    return list(chain.from_iterable(book.on(START + timedelta(days=day)) for day in range(60)))


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    files = [FOLDER / "tenure.yaml", *FOLDER.glob("scorecards/*.yaml")]
    return load_workspace({str(file.relative_to(FOLDER)): file.read_bytes() for file in files})


def facts(entries: Iterable[Dated]) -> list[IncomingFact]:
    return [fact for _, fact in entries]


def test_the_same_seed_tells_the_same_book(history: Sequence[Dated], coming: Sequence[Dated]):
    again = Book(7, 200, START)
    days = [START + timedelta(days=day) for day in range(60)]
    backwards = {day: again.on(day) for day in reversed(days)}
    assert list(chain.from_iterable(backwards[day] for day in days)) == coming
    opening = again.on(again.first)
    assert opening == history[: len(opening)]


def test_a_book_that_left_its_past_goes_on_with_the_same():
    whole, left = Book(7, 20, START), Book(7, 20, START)
    past = list(left.history())
    left.leave_past()
    assert past == list(whole.history())
    assert [left.on(START + timedelta(days=day)) for day in range(90)] == [
        whole.on(START + timedelta(days=day)) for day in range(90)
    ]


def test_another_seed_tells_another_book():
    assert Book(8, 20, START).on(START) != Book(7, 20, START).on(START)


def test_the_history_loads_in_seconds(history: Sequence[Dated]):
    assert 40_000 < len(history) <= 60_000


def test_facts_come_in_the_order_in_which_they_became_known(history: Sequence[Dated], coming: Sequence[Dated]):
    assert all(one <= other for (one, _), (other, _) in pairwise([*history, *coming]))
    assert history[-1][0] < datetime(2026, 3, 2, tzinfo=UTC) <= coming[0][0]


def test_nothing_is_told_about_an_account_nobody_knows(history: Sequence[Dated], coming: Sequence[Dated]):
    known: set[str] = set()
    for _, fact in [*history, *coming]:
        key = account_key(fact)
        if isinstance(fact, AccountFact):
            known.add(fact.key)
        assert key is None or key in known


def test_no_event_is_dated_after_it_became_known(history: Sequence[Dated]):
    assert all(
        fact.at <= known for known, fact in history if isinstance(fact, EventFact) and isinstance(fact.at, datetime)
    )


def test_every_fact_survives_json(coming: Sequence[Dated]):
    for fact in facts(coming):
        assert FACT.validate_python(fact_json(fact), strict=False) == fact


def test_the_book_speaks_of_fields_the_workspace_declares(
    workspace: Workspace, history: Sequence[Dated], coming: Sequence[Dated]
):
    catalogue = workspace.catalogue()
    told = {field.name for field in workspace.told()}
    for fact in facts([*history, *coming]):
        match fact:
            case AccountFact(fields=fields):
                names = set(fields)
                assert names <= told
                for name, value in fields.items():
                    field = catalogue.field(name)
                    assert field is not None
                    assert field.type != "choice" or value in field.options
            case RecordFact(record=kind, props=props):
                assert set(props) <= set(workspace.records[kind])
            case EventFact(type=kind, props=props):
                assert set(props) == set(workspace.events[kind] or {})
            case MetricFact(metric=metric):
                assert metric in workspace.pushed
            case ContactFact(roles=roles):
                assert set(roles) <= set(workspace.roles.contacts)


def test_every_account_has_a_csm_with_a_manager(history: Sequence[Dated]):
    people = {fact.key: fact for fact in facts(history) if isinstance(fact, PersonFact)}
    csms = {
        str(fact.fields["account.csm"])
        for fact in facts(history)
        if isinstance(fact, AccountFact) and "account.csm" in fact.fields
    }
    assert len(csms) > 5
    assert all(people[csm].manager in people for csm in csms)


def test_names_are_unique_and_addresses_lead_nowhere(book: Book, history: Sequence[Dated]):
    names = [company.name for company in book.companies]
    assert len(set(names)) == len(names) == 225
    addresses = [fact.email for fact in facts(history) if isinstance(fact, ContactFact | PersonFact)]
    assert all(address is not None and address.isascii() and address.endswith(".example") for address in addresses)


def test_people_work_on_weekdays(history: Sequence[Dated]):
    days = Counter(fact.at.weekday() for fact in facts(history) if isinstance(fact, EventFact))
    assert days[6] == 0
    assert 0 < days[5] < days[1] / 4


def test_new_customers_sign_in_the_first_weeks(book: Book, coming: Sequence[Dated]):
    new = [company for company in book.companies if company.signup > START]
    assert len(new) == 25
    assert all((company.signup - START).days <= NEWCOMERS_WITHIN for company in new)
    late = [company for company in new if company.known > company.signup]
    early = [company for company in new if company.known < company.signup]
    assert late
    assert early


def test_renewals_are_spread_over_the_year(book: Book):
    months = Counter(company.renewal_after(START).month for company in book.companies)
    assert len(months) == 12
    assert max(months.values()) < 40


def test_who_has_churned_is_silent(coming: Sequence[Dated]):
    gone = {fact.key: known for known, fact in coming if isinstance(fact, AccountFact) and _churned(fact)}
    assert gone
    for known, fact in coming:
        if isinstance(fact, EventFact) and known > gone.get(fact.account, known):
            assert isinstance(fact.at, datetime)
            assert fact.at.date() < gone[fact.account].date()


def _churned(fact: AccountFact) -> bool:
    return fact.fields.get("account.lifecycle") == "churned"


def test_a_champion_who_leaves_takes_the_use_along(book: Book):
    left = [company for company in book.companies if company.mood.story == "champion_leaves"]
    assert left
    for company in left:
        assert company.mood.on(company.mood.turn + 15) < company.mood.on(company.mood.turn - 5) - 0.2


def test_a_book_ends_and_says_so(book: Book):
    with pytest.raises(ValueError, match="this book tells of 2025-03-02 to 2027-03-02"):
        book.on(START + timedelta(days=366))


def test_more_accounts_than_names_are_refused():
    with pytest.raises(ValueError, match="this one needs 1125"):
        Book(7, 1000, START)


AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def ask(people: People, account: str, **changes: Any) -> Any:
    question = {
        "account": account,
        "playbook": "risk-recovery",
        "step": "call",
        "outcomes": ("reached", "no_answer", "champion_leaving"),
        "created_at": AT,
    }
    return people.task(**{**question, **changes})


def by_story(seed: int) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for number in range(2000):
        found[story_of(seed, f"acc-{number:04}")].append(f"acc-{number:04}")
    return found


def test_people_answer_the_same_question_the_same_way():
    one, other = People(7), People(7)
    for account in by_story(7)["healthy"]:
        assert ask(one, account) == ask(other, account)
        mails = [who.mail(account=account, contact="champion", step="checking_in", sent_at=AT) for who in (one, other)]
        assert mails[0] == mails[1]


def test_people_choose_among_the_outcomes_and_forget_some_tasks():
    answers = [ask(People(7), account) for accounts in by_story(7).values() for account in accounts]
    forgotten = sum(answer is None for answer in answers)
    assert 0.05 < forgotten / len(answers) < 0.15
    assert {answer.outcome for answer in answers if answer} == {"reached", "no_answer", "champion_leaving"}
    assert all(0 < answer.business_hours <= 60 for answer in answers if answer)


def test_recovering_customers_answer_and_lost_ones_do_not():
    people, stories = People(7), by_story(7)

    def share(story: str) -> float:
        mails = [people.mail(account=key, contact=f"{key}/champion", step="call", sent_at=AT) for key in stories[story]]
        return sum(any(one.type == "replied" for one in mail) for mail in mails) / len(mails)

    assert share("recovers") > 0.55
    assert share("leaves") < 0.2


def test_nobody_answers_a_mail_before_opening_it():
    for accounts in by_story(7).values():
        for account in accounts:
            mail = People(7).mail(account=account, contact="c", step="s", sent_at=AT)
            assert not mail or mail[0].type == "opened"
            assert all(mail[0].delay < other.delay for other in mail[1:])
