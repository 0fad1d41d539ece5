"""The connection to Temporal, configured by its own environment or embedded, and what Tenure needs of its namespace."""

from datetime import timedelta
from functools import cache

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from app.embedded import Servers
from app.embedded.temporal import SEARCH_ATTRIBUTES
from app.errors import ServerAway
from app.settings import Settings
from workflows.converter import DATA_CONVERTER

_RETENTION = timedelta(days=90)


async def connect(settings: Settings, servers: Servers, *, core_log: bool) -> Client:
    """Connect to the server that Temporal's environment names, or else to the embedded one, started if need be."""
    if settings.temporal_configured:
        options = _configured()
        hint = "Check the server, TEMPORAL_ADDRESS and the TLS settings"
    else:
        embedded = servers.temporal()
        options = {"target_host": embedded.address, "namespace": embedded.namespace}
        hint = f"Look into {settings.home / 'logs' / 'temporal.log'}"
    try:
        return await Client.connect(**options, data_converter=DATA_CONVERTER, runtime=_runtime(core_log=core_log))
    except (RuntimeError, ValueError, RPCError) as error:
        raise ServerAway("Temporal", options["target_host"], f"{hint} ({error}).") from error


@cache
def _runtime(*, core_log: bool) -> Runtime:
    """Temporal's core writes its log to standard output, which is free for that in servers only.

    Handing the log over to Python instead may end the process in a crash: the core's thread outlives the interpreter.
    """
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig.default if core_log else None))


def _configured() -> ClientConnectConfig:
    try:
        options = ClientConfig.load_client_connect_config()
    except (OSError, RuntimeError) as error:
        where = "TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE and TEMPORAL_ADDRESS"
        raise ServerAway("Temporal", where, f"These settings cannot be used: {error}.") from error
    options.setdefault("target_host", "localhost:7233")
    return options


async def prepare_namespace(client: Client, *, embedded: bool) -> None:
    """Register what is missing of Tenure's search attributes; the embedded server also keeps ended runs for 90 days.

    Safe to call at every start, and by several processes at once.
    """
    where = f"{client.service_client.config.target_host}, namespace {client.namespace}"
    try:
        await _register_search_attributes(client)
        if embedded:
            await _raise_retention(client)
    except RPCError as error:
        hint = f"{error.message}. If this account may not change the namespace, register the search attributes "
        hint += f"{' and '.join(SEARCH_ATTRIBUTES)} (type Keyword) with `temporal operator search-attribute create`."
        raise ServerAway("Temporal", where, hint) from error


async def _register_search_attributes(client: Client) -> None:
    operator = client.operator_service
    known = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    missing = [name for name in SEARCH_ATTRIBUTES if name not in known.custom_attributes]
    if not missing:
        return
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(missing, keyword))
    try:
        await operator.add_search_attributes(request)
    except RPCError as error:
        # Another process did it between our look and our call.
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def _raise_retention(client: Client) -> None:
    service = client.workflow_service
    found = await service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    if found.config.workflow_execution_retention_ttl.ToTimedelta() >= _RETENTION:
        return
    retention = Duration()
    retention.FromTimedelta(_RETENTION)
    config = NamespaceConfig(workflow_execution_retention_ttl=retention)
    await service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))
