import socket
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

from app.embedded.temporal import SEARCH_ATTRIBUTES
from app.errors import ServerAway
from app.settings import read_settings
from app.temporal import connect, prepare_namespace


async def test_the_prepared_namespace_knows_the_search_attributes_and_keeps_ended_runs(temporal_client):
    await prepare_namespace(temporal_client, embedded=True)
    request = ListSearchAttributesRequest(namespace=temporal_client.namespace)
    known = await temporal_client.operator_service.list_search_attributes(request)
    assert set(SEARCH_ATTRIBUTES) <= set(known.custom_attributes)
    found = await temporal_client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=temporal_client.namespace)
    )
    assert found.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)


async def test_temporals_own_environment_goes_before_the_embedded_server(temporal_server, servers, monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "other")
    client = await connect(read_settings(Path("unused")), servers, core_log=False)
    assert client.namespace == "other"
    with pytest.raises(ServerAway, match="namespace other"):
        await prepare_namespace(client, embedded=False)


async def test_a_server_that_does_not_answer_is_named_with_its_address(servers, monkeypatch):
    with socket.socket() as taken:  # bound and not listening: surely nobody answers there
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        with pytest.raises(ServerAway, match=address):
            await connect(read_settings(Path("unused")), servers, core_log=False)


async def test_an_unusable_profile_is_a_clear_refusal(servers, monkeypatch):
    monkeypatch.setenv("TEMPORAL_PROFILE", "no-such-profile")
    with pytest.raises(ServerAway, match="no-such-profile"):
        await connect(read_settings(Path("unused")), servers, core_log=False)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TEMPORAL_ADDRESS": "temporal.test:abc"}, "temporal.test:abc.*invalid port"),
        (
            {
                "TEMPORAL_ADDRESS": "127.0.0.1:9",
                "TEMPORAL_TLS_CLIENT_CERT_PATH": "/no/such.pem",
                "TEMPORAL_TLS_CLIENT_KEY_PATH": "/no/such.key",
            },
            "settings cannot be used.*no/such",
        ),
    ],
)
async def test_settings_of_temporal_that_cannot_be_used_are_a_clear_refusal(servers, monkeypatch, variables, words):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ServerAway, match=words):
        await connect(read_settings(Path("unused")), servers, core_log=False)
