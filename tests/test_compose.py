"""docker-compose.yml is a valid Compose file, and names only settings that Tenure reads."""

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[1]
_COMPOSE = yaml.safe_load((_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
_SERVICES = _COMPOSE["services"]
_OURS = ["migrate", "web", "worker"]
_JOBS = ["migrate", "temporal-schema", "temporal-namespace"]

# What temporalio.envconfig reads.
_TEMPORAL_SETTINGS = {
    f"TEMPORAL_{name}"
    for name in (
        *("ADDRESS", "NAMESPACE", "API_KEY", "PROFILE", "CONFIG_FILE"),
        *("TLS", "TLS_CLIENT_CERT_PATH", "TLS_CLIENT_KEY_PATH", "TLS_SERVER_CA_CERT_PATH", "TLS_SERVER_NAME"),
    )
}


def _settings_known_to_tenure():
    names = set(re.findall(r"\bTENURE_[A-Z_]+\b", (_ROOT / "app" / "settings.py").read_text(encoding="utf-8")))
    return names | {f"{name}_FILE" for name in ("TENURE_API_TOKEN", "TENURE_DATABASE_URL")}


def test_the_official_schema_accepts_the_file():
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json")
    jsonschema.validate(_COMPOSE, json.loads(schema.read_text(encoding="utf-8")))


@pytest.mark.parametrize("service", _OURS)
def test_our_services_are_given_only_settings_that_exist(service):
    given = {name for name in _SERVICES[service]["environment"] if name.startswith(("TENURE_", "TEMPORAL_"))}
    assert given - _settings_known_to_tenure() - _TEMPORAL_SETTINGS == set()
    assert {"TENURE_DATABASE_URL", "TEMPORAL_ADDRESS"} <= given, "nothing embedded in a container"


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_every_image_is_pinned(service):
    assert re.search(r":v?\d+\.\d+(\.\d+)?$", _SERVICES[service]["image"])


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_what_a_service_refers_to_is_there(service):
    definition = _SERVICES[service]
    for name, wanted in definition.get("depends_on", {}).items():
        ends = name in _JOBS
        assert wanted["condition"] == ("service_completed_successfully" if ends else "service_healthy")
        assert ends or "healthcheck" in _SERVICES[name]
    assert set(definition.get("secrets", [])) <= set(_COMPOSE["secrets"])
    assert {config["source"] for config in definition.get("configs", [])} <= set(_COMPOSE["configs"])
    assert {volume.partition(":")[0] for volume in definition.get("volumes", [])} <= set(_COMPOSE["volumes"])


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_ports_are_open_on_this_machine_only(service):
    assert all(port.startswith("127.0.0.1:") for port in _SERVICES[service].get("ports", []))


def test_workers_can_be_many():
    assert not {"container_name", "hostname", "ports"} & _SERVICES["worker"].keys()


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_no_password_is_written_into_the_file(service):
    for name, value in _SERVICES[service].get("environment", {}).items():
        if re.search("PASSWORD|PWD|TOKEN|DATABASE_URL", name):
            assert re.search(r"\$\{\w+:\?|^/run/secrets/", value), name


def test_job_scripts_are_valid_shell():
    for service in _JOBS[1:]:
        script = _SERVICES[service]["command"][0].replace("$$", "$")
        subprocess.run(["sh", "-n", "-c", script], check=True)


def test_the_image_contains_every_package_and_the_builder_sees_it():
    copied = set(re.findall(r"^COPY (\w+) \1$", (_ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    assert copied == {"engine", "store", "connectors", "workflows", "web", "app", "playbooks", "docs"}
    ignored = (_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied} <= set(ignored)
