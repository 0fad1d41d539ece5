"""The whole API under invented requests: no answer is a fault of ours, and each is as the description says.

In this process, over a small book, with few and ever the same examples.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.databases import engine_of, make_database
from tests.store.book import Book
from tests.store.explain.test_explain import RECOVERY
from tests.web.signed_in import API_TOKEN, app_over

LABELS = [
    f"{method.upper()} {path}"
    for path, methods in app_over(None).openapi()["paths"].items()
    if "/api/" in path
    for method in methods
]


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
    return app_over(engine)


@pytest.fixture(scope="module")
def operations():
    """By label. Its imports are whose process runs these tests."""
    from schemathesis import openapi

    schema = openapi.from_asgi("/api/v1/openapi.json", app_over(None))
    every = [one.ok() for one in schema.get_all_operations()]  # type: ignore[union-attr]  # or it fails here
    found = {op.label: op for op in every}
    assert {label for label, op in found.items() if "/api/" in op.path} == set(LABELS)
    return found


@pytest.fixture(scope="module")
def checks():
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    return not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance


@pytest.mark.parametrize("label", LABELS)
def test_no_invented_request_is_a_fault_and_answers_are_as_described(label, fuzzed_app, operations, checks):

    @given(case=operations[label].as_strategy())
    @settings(
        max_examples=6,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    def answers(case):
        case.call_and_validate(headers={"authorization": f"Bearer {API_TOKEN}"}, checks=checks, app=fuzzed_app)

    answers()
