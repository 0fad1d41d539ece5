"""The whole API under invented requests: no answer is a fault of ours, and each is as the description says.

In this process, over a small book, with few and ever the same examples.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.databases import engine_of, make_database
from tests.store.book import Book
from tests.store.test_explain import RECOVERY
from tests.web.signed_in import API_TOKEN, app_over

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def fuzzed_app(postgres_url, migrated_template):
    engine = engine_of(make_database(postgres_url, "tenure_web_fuzz", migrated_template))
    with engine.begin() as conn:
        book = Book(conn)
        book.playbook(RECOVERY, book.workspace())
        book.person()
        acme = book.account()
        book.facts(acme, account__segment="enterprise", account__lifecycle="live", seen=1)
        book.score(acme, 35.5, "red")
        run = book.run(acme)
        book.task(run, acme)
        book.mail(run, acme, book.contact(acme))
    return app_over(engine, calls_per_second=1e6)


SCHEMA = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app_over(None))
OPERATIONS = {
    op.label: op
    for op in (found.ok() for found in SCHEMA.get_all_operations())  # type: ignore[union-attr]  # or it fails here
    if "/api/" in op.path
}


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_invented_request_is_a_fault_and_answers_are_as_described(label, fuzzed_app):

    @given(case=OPERATIONS[label].as_strategy())
    @settings(
        max_examples=6,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    def answers(case):
        case.call_and_validate(headers={"authorization": f"Bearer {API_TOKEN}"}, checks=CHECKS, app=fuzzed_app)

    answers()
